package api

// waiter tells clients how to wait for a state.
type waiter struct {
	name      string
	operation string
	path      string // of the state in the answer
	success   string
	failures  []string
	delay     int // seconds between two looks
	attempts  int
}

// waiters are those of the service model.
func waiters() []waiter {
	ready := []string{"CREATE_FAILED", "UPDATE_FAILED"}
	deleted := []string{"DELETE_FAILED"}
	return []waiter{
		{"StudioReady", "GetStudio", "studio.state", "READY", ready, 2, 60},
		{"StudioDeleted", "GetStudio", "studio.state", "DELETED", deleted, 2, 60},
		{"StudioComponentReady", "GetStudioComponent", "studioComponent.state", "READY", ready, 2, 60},
		{"StudioComponentDeleted", "GetStudioComponent", "studioComponent.state", "DELETED", deleted, 1, 120},
		{"StreamingImageReady", "GetStreamingImage", "streamingImage.state", "READY", ready, 2, 60},
		{"StreamingImageDeleted", "GetStreamingImage", "streamingImage.state", "DELETED", deleted, 2, 60},
		{"LaunchProfileReady", "GetLaunchProfile", "launchProfile.state", "READY", ready, 5, 150},
		{"LaunchProfileDeleted", "GetLaunchProfile", "launchProfile.state", "DELETED", deleted, 5, 150},
		{"StreamingSessionReady", "GetStreamingSession", "session.state", "READY", []string{"CREATE_FAILED", "START_FAILED"}, 10, 180},
		{"StreamingSessionStopped", "GetStreamingSession", "session.state", "STOPPED", []string{"STOP_FAILED"}, 5, 180},
		{"StreamingSessionDeleted", "GetStreamingSession", "session.state", "DELETED", deleted, 5, 180},
		{"StreamingSessionStreamReady", "GetStreamingSessionStream", "stream.state", "READY", []string{"CREATE_FAILED"}, 5, 30},
	}
}

// waiterModel describes the waiters to botocore.
func waiterModel() object {
	found := object{}
	for _, w := range waiters() {
		accept := func(outcome, state string) object {
			return object{"matcher": "path", "argument": w.path, "state": outcome, "expected": state}
		}
		acceptors := []object{accept("success", w.success)}
		for _, state := range w.failures {
			acceptors = append(acceptors, accept("failure", state))
		}
		found[w.name] = object{"operation": w.operation, "delay": w.delay, "maxAttempts": w.attempts, "acceptors": acceptors}
	}
	return found
}
