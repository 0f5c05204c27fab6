package desktop

// soundServer is the image's PulseAudio, with the pipes that the streamer has the other
// ends of; nil when the image has none. It finds no hardware and asks nobody for any.
func soundServer(env map[string]string) *service {
	server := find(env, "pulseaudio")
	if server == "" {
		return nil
	}
	return &service{name: "sound server", argv: []string{
		// It makes the microphone's pipe itself, and stumbles over one that is there.
		"/bin/sh", "-c", `rm -f /run/backlot/sound/in && exec "$@"`, "sh",
		server, "-n", "--file=" + configDir + "/pulse/sound.pa", "--daemonize=no", "--use-pid-file=no",
		"--exit-idle-time=-1", "--realtime=no", "--high-priority=no", "--log-target=stderr", "--log-level=error",
	}}
}

// startSound starts the sound server, once: after the desktop, which has more urgent
// work for the processors until then.
func (s *session) startSound() {
	if s.sound != nil && s.sound.started.IsZero() {
		s.start(s.sound)
	}
}
