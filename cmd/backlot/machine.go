package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume/local"
	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
	"github.com/backlot/backlot/internal/workstation/oci/network"
)

// records are what is known: the store, and who may come in.
type records struct {
	installation installation
	store        *store.Store
	directory    *identity.Directory
}

func openRecords(ctx context.Context, c config.Config, log *slog.Logger) (*records, error) {
	i, err := openInstallation(ctx, c.Data)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(c.Data, "backlot.db"), Log: log})
	if err != nil {
		return nil, err
	}
	d, err := identity.New(identity.Config{
		Store: s, Key: i.Secret, Clock: time.Now, Random: rand.Reader, LinkLifetime: 12 * time.Hour,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &records{i, s, d}, nil
}

// machine is what sessions run on.
type machine struct {
	volumes      local.Store
	images       *image.Store
	workstations *oci.Driver
}

// openWorkstations finds the workstations there are. It needs the machine only:
// neither the store nor the volumes.
func openWorkstations(ctx context.Context, i installation, log *slog.Logger) (*oci.Driver, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	n, err := network.Open(ctx, network.Config{Installation: i.ID, Subnet: i.Subnet, Log: log})
	if err != nil {
		return nil, err
	}
	return oci.Open(oci.Config{
		RunDir:       filepath.Join(i.runDir(), "workstations"),
		Installation: i.ID,
		IDBase:       i.firstUserID(),
		Ranges:       1 << 24 / 65536,
		InitPath:     program,
		StreamerPath: filepath.Join(filepath.Dir(program), "backlot-streamer"),
		Network:      n,
		Log:          log,
	})
}

func openMachine(ctx context.Context, c config.Config, i installation, w *oci.Driver, log *slog.Logger) (*machine, error) {
	v, err := local.Open(ctx, local.Config{
		Dir: filepath.Join(c.Data, "volumes"), MountDir: volumeDir(i), Kind: local.Kind(c.Volumes.Kind),
	}, log)
	if err != nil {
		return nil, err
	}
	m, err := image.Open(ctx, image.Config{RunDir: imageDir(i), Log: log})
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &machine{v, m, w}, nil
}

// close takes the mounts away.
func (m *machine) close() error { return errors.Join(m.images.Close(), m.volumes.Close()) }

// platforms tells the domain what the machine images are.
type platforms struct{ images *image.Store }

func (p platforms) Platform(ctx context.Context, imageID string) (string, bool, error) {
	all, err := p.images.List(ctx)
	if err != nil {
		return "", false, err
	}
	for _, i := range all {
		if i.ID == imageID {
			return i.Platform, true, nil
		}
	}
	return "", false, nil
}

// rules are what the domain decides by.
type rules struct {
	policies *access.Policies
	types    []studio.InstanceType
	capacity studio.Capacity
}

func readRules(c config.Config) (rules, error) {
	policies, err := access.New(access.Config{Dir: c.Policies})
	if err != nil {
		return rules{}, err
	}
	types, capacity, err := instanceTypes(c.InstanceTypes)
	return rules{policies, types, capacity}, err
}

func newService(c config.Config, by rules, r *records, m *machine, public *url.URL, log *slog.Logger) (*studio.Service, error) {
	return studio.New(studio.Config{
		Store:     r.store,
		Access:    by.policies,
		Users:     r.directory,
		Images:    platforms{m.images},
		Vault:     vault{m.volumes, reserve},
		Account:   c.AccountID,
		Region:    c.Region,
		StudioURL: func(string) string { return public.String() },
		StreamURL: func(streamID, ticket, sessionKey string) string {
			return gateway.StreamURL(public, streamID, ticket, sessionKey)
		},
		Secret:        r.installation.Secret,
		Clock:         time.Now,
		Random:        rand.Reader,
		InstanceTypes: by.types,
		Capacity:      by.capacity,
		Timing:        failingTiming(studio.Timing{BackUpEvery: c.Backups.Every}),
		Quotas:        studio.Quotas(c.Quotas),

		Eulas:          eulas(c.Eulas),
		ProvidedImages: providedImages(c.ProvidedImages),
		StrictNetworks: c.StrictNetworks,
		Log:            log,
	})
}

func eulas(configured []config.Eula) []studio.Eula {
	var all []studio.Eula
	for _, e := range configured {
		all = append(all, studio.Eula{EulaID: e.ID, Name: e.Name, Content: e.Content})
	}
	return all
}

func providedImages(configured []config.ProvidedImage) []studio.StreamingImage {
	var all []studio.StreamingImage
	for _, i := range configured {
		all = append(all, studio.StreamingImage{
			StreamingImageID: i.ID, Name: i.Name, Description: i.Description, EC2ImageID: i.EC2ImageID, Platform: "LINUX", EulaIDs: i.Eulas,
		})
	}
	return all
}

// reserve is how many bytes the volume store keeps free of new volumes.
const reserve = 1 << 30

// viewers is what the loop and the domain need of a gateway.
type viewers interface {
	Credential(sessionKey string) string
	Disconnect(sessionKey string)
}

// newLoop makes the loop of this installation. Whoever has the data directory is
// the only one, and so takes over at once what a killed predecessor had leased.
func newLoop(ctx context.Context, c config.Config, r *records, m *machine, s *studio.Service, v viewers, log *slog.Logger) (*reconcile.Loop, error) {
	if err := r.store.Abandon(ctx, r.installation.ID); err != nil {
		return nil, err
	}
	return reconcile.New(failing(reconcile.Config{
		Studio:       s,
		Leases:       r.store,
		Workstations: m.workstations,
		Volumes:      m.volumes,
		Images:       m.images,
		Viewers:      v,
		Holder:       r.installation.ID,
		StateDir:     c.Data,
		Credential:   v.Credential,
		SocketDir:    socketDir(r.installation),
		User:         workstation.User{Name: "artist", ID: 1000},
		Screen:       workstation.Screen{Width: c.Desktop.Width, Height: c.Desktop.Height},
		Reserve:      reserve,
		Log:          log,
	})), nil
}

// volumeDir and imageDir are where volumes and images are mounted.
func volumeDir(i installation) string { return filepath.Join(i.runDir(), "volumes") }
func imageDir(i installation) string  { return filepath.Join(i.runDir(), "images") }

// socketDir holds the socket that streamers dial.
func socketDir(i installation) string { return filepath.Join(i.runDir(), "gateway") }
