package e2e_test

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestBoto runs a studio's script with Debian's boto3: once with the model that
// Backlot writes, once with the one in Debian's AWS CLI.
func TestBoto(t *testing.T) {
	const python, debian = "/usr/bin/python3", "/usr/lib/python3/dist-packages/awscli/botocore/data"
	if _, err := os.Stat(debian); err != nil {
		t.Skipf("needs awscli and python3-boto3: %v", err)
	}
	s := newServer(t)
	ours := t.TempDir()
	if out, err := s.backlot("sdk", "boto", "--dir", ours); err != nil {
		t.Fatalf("backlot sdk boto: %v\n%s", err, out)
	}
	for _, model := range []string{ours, debian} {
		work := s.createSession()
		work.wait("READY", time.Minute)
		script := exec.CommandContext(t.Context(), python, "testdata/seeds.py", work.id)
		script.Env = append(s.awsEnv(true), "AWS_DATA_PATH="+model, "STUDIO="+s.env["BACKLOT_STUDIO_ID"], "AWS_ENDPOINT_URL="+s.env["AWS_ENDPOINT_URL"])
		if out, err := script.CombinedOutput(); err != nil {
			t.Errorf("with the model in %s: %v\n%s", model, err, out)
		}
		work.delete()
		work.wait("DELETED", time.Minute)
	}
}
