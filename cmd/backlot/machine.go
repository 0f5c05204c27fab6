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
	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/volume/local"
	"github.com/backlot/backlot/internal/workstation"
	"github.com/backlot/backlot/internal/workstation/oci"
	"github.com/backlot/backlot/internal/workstation/oci/network"
)

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
		PenDriver:    filepath.Join(filepath.Dir(program), "backlotpen_drv.so"),
		Network:      n,
		Log:          log,
	})
}

// openHost opens the machine for a server, and tells what it lacks.
func openHost(ctx context.Context, c config.Config, i installation, log *slog.Logger) (*machine, error) {
	workstations, err := openWorkstations(ctx, i, log)
	if err != nil {
		return nil, err
	}
	for _, note := range workstations.Host().Notes {
		log.Warn("this machine does not hold everything", "note", note)
	}
	return openMachine(ctx, c, i, workstations, log)
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

// newService makes the domain of a server, whose machine is nil where the sessions
// are others' to run. streams is where these are shown.
func newService(c config.Config, by rules, r *records, m *machine, public *url.URL, streams func() *url.URL, log *slog.Logger) (*studio.Service, error) {
	var images studio.Images
	var files studio.Vault
	if m != nil {
		images, files = platforms{m.images}, vault{m.volumes, reserve}
	}
	return studio.New(studio.Config{
		Store:        r.store,
		Access:       by.policies,
		Users:        r.directory,
		Images:       images,
		Vault:        files,
		Installation: r.installation.ID,
		Account:      c.AccountID,
		Region:       c.Region,
		StudioURL:    func(string) string { return public.String() },
		StreamURL: func(streamID, ticket, sessionKey string) string {
			return gateway.StreamURL(streams(), streamID, ticket, sessionKey)
		},
		ShareURL:      func(token string) string { return public.JoinPath("share", token).String() },
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

// newLoop makes a loop for a server of the installation, which takes over at once
// what the dead ones had leased.
func newLoop(ctx context.Context, c config.Config, r *records, server string, m *machine, s *studio.Service, g *gateway.Gateway, log *slog.Logger) (*reconcile.Loop, error) {
	if err := dead(c.Data, server, func(name string) error { return bury(ctx, r, name) }); err != nil {
		return nil, err
	}
	var viewers reconcile.Viewers = nobody{}
	if g != nil {
		viewers = g
	}
	return reconcile.New(failing(reconcile.Config{
		Studio:       s,
		Leases:       r.store,
		Workstations: m.workstations,
		Volumes:      m.volumes,
		Images:       m.images,
		Viewers:      viewers,
		Holder:       r.holder(server),
		StateDir:     c.Data,
		Credential:   func(sessionKey string) string { return gateway.Credential(r.installation.Secret, sessionKey) },
		SocketDir:    socketDir(r.installation),
		User:         workstation.User{Name: "artist", ID: 1000},
		Screen:       workstation.Screen{Width: c.Desktop.Width, Height: c.Desktop.Height},
		UploadBytes:  c.Desktop.UploadGiB << 30,
		Reserve:      reserve,
		Log:          log,
	})), nil
}

// nobody looks at desktops here: the server has not the role, or is down.
type nobody struct{}

func (nobody) Disconnect(string) {}

// bury ends the leases of a server that has died.
func bury(ctx context.Context, r *records, server string) error {
	return r.store.Abandon(ctx, r.holder(server))
}

// volumeDir and imageDir are where volumes and images are mounted.
func volumeDir(i installation) string { return filepath.Join(i.runDir(), "volumes") }
func imageDir(i installation) string  { return filepath.Join(i.runDir(), "images") }

// socketDir holds the socket that streamers dial.
func socketDir(i installation) string { return filepath.Join(i.runDir(), "gateway") }
