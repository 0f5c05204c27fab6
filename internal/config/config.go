package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Config is everything an operator can set. The help text of a field is printed
// into docs/config.md.
type Config struct {
	Data          string         `yaml:"data" help:"Directory that holds everything durable: store, volumes, keys."`
	Listen        string         `yaml:"listen" help:"HOST:PORT of the one port: TCP for pages, API and streams, UDP of the same number for media. Port 0 takes a free one. A host that is no loopback address gets TLS."`
	PublicURL     string         `yaml:"public_url" help:"How browsers and clients reach the server, when that is not what listen says. Stream urls begin with it, and media is offered at its host too."`
	Roles         []string       `yaml:"roles" help:"What this server does of api (API and portal), gateway (streams) and reconcile (runs the sessions); none: all. Several servers need store.url."`
	Store         Store          `yaml:"store" help:"Where what is known of studios, users and sessions is kept."`
	AccountID     string         `yaml:"account_id" help:"12 digits; part of ARNs and of who a role belongs to."`
	Region        string         `yaml:"region" help:"Such as us-west-2; part of studio ids, ARNs and signatures."`
	TLS           TLS            `yaml:"tls" help:"Certificate of the port; without one, and where TLS is needed, a self-made one is kept in the data directory."`
	InstanceTypes []InstanceType `yaml:"instance_types" help:"What an EC2 instance type means on this machine. Types that are not named here keep the share of the machine that they have by default."`
	Volumes       Volumes        `yaml:"volumes" help:"How the files of sessions are kept."`
	Backups       Backups        `yaml:"backups" help:"When backups are made besides those at each stop."`
	Desktop       Desktop        `yaml:"desktop" help:"How desktops start."`

	Policies       string          `yaml:"policies" help:"Directory of Cedar policies, *.cedar, that hold besides those built in; a forbid overrules every permit."`
	Quotas         Quotas          `yaml:"quotas" help:"How many things there may be; what is not DELETED counts."`
	Requests       Requests        `yaml:"requests" help:"How many API requests each caller may make."`
	StrictNetworks bool            `yaml:"strict_networks" help:"Refuse launch profiles that name subnets; otherwise their sessions use the default network."`
	Eulas          []Eula          `yaml:"eulas" help:"Licences that an administrator must accept for a studio before images that ask for them can be launched."`
	ProvidedImages []ProvidedImage `yaml:"provided_images" help:"Streaming images that are in every studio."`
}

// Store says where what is known is kept.
type Store struct {
	URL string `yaml:"url" help:"postgres://USER@HOST/DATABASE, for several servers beside each other. Empty: a file in the data directory, for one server."`
}

// Roles are all that a server can do.
func Roles() []string { return []string{"api", "gateway", "reconcile"} }

// Has tells whether the server has a role.
func (c Config) Has(role string) bool { return len(c.Roles) == 0 || slices.Contains(c.Roles, role) }

// Shared tells whether other servers may run on the data directory beside this one.
func (c Config) Shared() bool { return c.Store.URL != "" }

// TLS names a certificate and its key.
type TLS struct {
	Certificate string `yaml:"certificate" help:"PEM file of the certificate and its chain."`
	Key         string `yaml:"key" help:"PEM file of its private key."`
}

// InstanceType is the part of the machine that a session of that type may take.
type InstanceType struct {
	Name      string  `yaml:"name" help:"As the API spells it: g4dn.xlarge."`
	CPUs      float64 `yaml:"cpus" help:"Processors a session may use at most."`
	MemoryMiB int64   `yaml:"memory_mib" help:"Memory a session may use at most, in MiB."`
	Reserved  float64 `yaml:"reserved" help:"Part of CPUs and memory that admission sets aside, 0 to 1."`
}

// Volumes says how the files of sessions are kept.
type Volumes struct {
	Kind string `yaml:"kind" help:"btrfs, also in a file on another file system: snapshots at once, and limits; reflink (XFS): file by file, sharing their content; plain: copies. Empty: what the data directory has already, else the best that the machine can do."`
}

// Backups says when backups are made besides those at each stop.
type Backups struct {
	Every time.Duration `yaml:"every" help:"READY time between two backups of a session whose profile has AUTOMATIC backups."`
}

// Desktop says how desktops start.
type Desktop struct {
	Width     int   `yaml:"width" help:"Width before a browser window says better, in pixels."`
	Height    int   `yaml:"height" help:"Height before a browser window says better, in pixels."`
	UploadGiB int64 `yaml:"upload_gib" help:"Largest file that can be uploaded into a desktop, in GiB, where the launch profile allows that; 0: as large as fits."`
}

// Default is what holds where nothing is set.
func Default() Config {
	return Config{
		Data:      "/var/lib/backlot",
		Listen:    "127.0.0.1:8017",
		AccountID: "123456789012",
		Region:    "us-west-2",
		Backups:   Backups{Every: 4 * time.Hour},
		Desktop:   Desktop{Width: 1280, Height: 720, UploadGiB: 100},
		Quotas:    Quotas{Studios: 10, Sessions: 50, LaunchProfiles: 50, StreamingImages: 10, Components: 100, SharedFileSystems: 10},
		Requests:  Requests{PerSecond: 100, Burst: 200},
	}
}

// Load reads the file, if path is not empty, over the defaults, and the
// environment over the file.
func Load(path string, getenv func(string) string) (Config, error) {
	c := Default()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return Config{}, fmt.Errorf("read the configuration: %w", err)
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			return Config{}, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	for name, field := range map[string]*string{
		"BACKLOT_DATA":       &c.Data,
		"BACKLOT_LISTEN":     &c.Listen,
		"BACKLOT_PUBLIC_URL": &c.PublicURL,
		"BACKLOT_ACCOUNT_ID": &c.AccountID,
		"BACKLOT_REGION":     &c.Region,
		"BACKLOT_STORE_URL":  &c.Store.URL,
	} {
		if v := getenv(name); v != "" {
			*field = v
		}
	}
	return c, nil
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	// The pattern of the model's shape Region, anchored.
	regionPattern = regexp.MustCompile(`^[a-z]{2}-?(iso|gov)?-[a-z]*-[0-9]$`)
)

// Check says what is wrong with c, each complaint naming its field.
func (c Config) Check() error {
	var wrong []error
	complain := func(field, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{field}, args...)...))
	}
	if c.Data == "" {
		complain("data", "a directory is needed")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		complain("listen", "%q is not HOST:PORT", c.Listen)
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		complain("public_url", "%q is not an http or https url with a host", c.PublicURL)
	}
	for _, role := range c.Roles {
		if !slices.Contains(Roles(), role) {
			complain("roles", "%q is none of api, gateway, reconcile", role)
		}
	}
	if !c.Shared() && slices.ContainsFunc(Roles(), func(role string) bool { return !c.Has(role) }) {
		complain("roles", "one server without the others needs store.url: the file in the data directory is for one server that does all")
	}
	if c.Shared() && !strings.HasPrefix(c.Store.URL, "postgres://") && !strings.HasPrefix(c.Store.URL, "postgresql://") {
		complain("store.url", "it does not begin with postgres://") // and is not told: it may hold a password
	}
	if !accountPattern.MatchString(c.AccountID) {
		complain("account_id", "%q is not 12 digits", c.AccountID)
	}
	if !regionPattern.MatchString(c.Region) {
		complain("region", "%q does not look like us-west-2", c.Region)
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		complain("tls", "certificate and key are needed together")
	}
	for i, t := range c.InstanceTypes {
		if t.CPUs <= 0 || t.MemoryMiB < 256 || t.Reserved < 0 || t.Reserved > 1 {
			complain(fmt.Sprintf("instance_types[%d]", i), "cpus must be positive, memory_mib at least 256, reserved between 0 and 1")
		}
	}
	if !slices.Contains([]string{"", "btrfs", "reflink", "plain"}, c.Volumes.Kind) {
		complain("volumes.kind", "%q is none of btrfs, reflink, plain", c.Volumes.Kind)
	}
	if c.Backups.Every < time.Minute {
		complain("backups.every", "%s is less than a minute", c.Backups.Every)
	}
	if c.Desktop.Width < 320 || c.Desktop.Height < 200 {
		complain("desktop", "%d x %d is smaller than 320 x 200", c.Desktop.Width, c.Desktop.Height)
	}
	if c.Desktop.UploadGiB < 0 || c.Desktop.UploadGiB > 1<<20 {
		complain("desktop.upload_gib", "%d is no size of a file", c.Desktop.UploadGiB)
	}
	for name, n := range c.Quotas.byName() {
		if n < 1 {
			complain("quotas."+name, "%d is less than 1", n)
		}
	}
	if c.Requests.PerSecond <= 0 || c.Requests.Burst < 1 {
		complain("requests", "per_second and burst must be positive")
	}
	c.checkCatalogue(complain)
	return errors.Join(wrong...)
}
