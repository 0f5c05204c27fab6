package image

// view says what of a directory of the machine shows in the host image.
type view struct {
	kind  kind
	names map[string]view // of only and except
	mode  uint32          // of empty
	to    string          // of link
}

type kind int

const (
	whole  kind = iota // shows with all below it
	public             // shows, but for what is below and not everybody may read
	only               // shows, and of its entries those in names
	except             // shows, and its entries in names differ
	empty              // shows as an empty directory, there or not
	link               // shows as a symbolic link, there or not
	hidden             // does not show
)

func emptyDir(mode uint32) view { return view{kind: empty, mode: mode} }

// hostView is the allow-list of the machine's root file system. Of /etc nothing
// shows: the mask holds a copy of a part of it, see etcNames.
func hostView() view {
	show := view{}
	return view{kind: only, names: map[string]view{
		"bin": show, "sbin": show, "lib": show, "lib32": show, "lib64": show, "libx32": show, "libo32": show,
		"usr": {kind: except, names: map[string]view{
			"local": {kind: public, names: map[string]view{"etc": emptyDir(0o755)}},
		}},
		"opt": {kind: public},
		"var": {kind: only, names: map[string]view{
			"lib": {kind: only, names: map[string]view{
				// The package manager and what its scripts lean on.
				"dpkg": show, "apt": show, "pam": show, "python": show, "sgml-base": show, "xml-core": show,
				"ucf": {kind: except, names: map[string]view{"cache": emptyDir(0o755)}}, // copies of files of /etc
				// What programs of a desktop read.
				"fontconfig": show, "ghostscript": show, "openbox": show, "polkit-1": show, "xfonts": show, "xkb": show,
				"dbus": {kind: empty, mode: 0o755, names: map[string]view{
					"machine-id": {kind: link, to: "/etc/machine-id"},
				}},
				"misc": emptyDir(0o755),
			}},
			"cache": {kind: only, names: map[string]view{
				"apt": show, "fontconfig": show, "ldconfig": show, "man": show,
				"debconf": emptyDir(0o755), // may hold passwords
			}},
			"log":     {kind: empty, mode: 0o755, names: map[string]view{"apt": emptyDir(0o755)}},
			"lock":    {kind: link, to: "/run/lock"},
			"run":     {kind: link, to: "/run"},
			"tmp":     emptyDir(0o1777),
			"spool":   emptyDir(0o755),
			"mail":    emptyDir(0o755),
			"backups": emptyDir(0o755),
			"local":   emptyDir(0o755),
			"opt":     emptyDir(0o755),
		}},
		"etc":  emptyDir(0o755),
		"root": emptyDir(0o700),
		"tmp":  emptyDir(0o1777),
		"home": emptyDir(0o755), "srv": emptyDir(0o755), "boot": emptyDir(0o755),
		"run": emptyDir(0o755), "mnt": emptyDir(0o755), "media": emptyDir(0o755),
		"proc": emptyDir(0o555), "sys": emptyDir(0o555), "dev": emptyDir(0o755),
	}}
}

// etcNames are the entries of /etc that the host image has a copy of, as
// patterns of path.Match. Whatever is not named here, not everybody may read,
// or has a secret in it, stays behind; the files of etcFresh are written anew.
func etcNames() []string {
	return []string{
		// Accounts, log-in, shells.
		"adduser.conf", "bash.bashrc", "bash_completion", "bash_completion.d", "deluser.conf", "inputrc", "issue", "issue.net",
		"login.defs", "pam.conf", "pam.d", "profile", "profile.d", "security", "shells", "skel", "terminfo",
		"default/keyboard", "default/locale", "default/useradd",
		// Libraries, languages, time, names.
		"alternatives", "debian_version", "gai.conf", "host.conf", "java-*-openjdk", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
		"libaudit.conf", "locale.alias", "locale.conf", "locale.gen", "localtime", "lsb-release", "nsswitch.conf", "os-release",
		"perl", "protocols", "python*", "rpc", "services", "timezone", "xattr.conf",
		"ca-certificates", "ca-certificates.conf", "ssl/certs", "ssl/openssl.cnf",
		// The package manager.
		"apt/apt.conf", "apt/apt.conf.d", "apt/keyrings", "apt/preferences", "apt/preferences.d", "apt/sources.list",
		"apt/sources.list.d", "apt/trusted.gpg", "apt/trusted.gpg.d", "debconf.conf", "dpkg", "ucf.conf",
		// Desktops and their programs.
		"ImageMagick-*", "OpenCL", "X11", "alsa", "asound.conf", "chromium", "chromium.d", "dbus-1", "dconf", "drirc", "enchant-2",
		"firefox", "firefox-esr", "fonts", "ghostscript", "gimp", "glvnd", "gnome", "groff", "gtk-*", "libpaper.d", "libreoffice",
		"magic", "magic.mime", "mailcap", "mailcap.order", "manpath.config", "menu", "menu-methods", "mime.types", "mplayer",
		"mpv", "nanorc", "nvidia", "openal", "papersize", "pipewire", "polkit-1", "pulse", "sane.d", "sgml", "speech-dispatcher",
		"thunderbird", "timidity", "vdpau_wrapper.cfg", "vim", "vulkan", "wireplumber", "xdg", "xfce4", "xml",
	}
}
