package studio

import (
	"fmt"
	"slices"
	"strings"
)

// The types of resources, as in ARNs.
const (
	typeStudio     = "studio"
	typeComponent  = "studio-component"
	typeProfile    = "launch-profile"
	typeImage      = "streaming-image"
	typeSession    = "streaming-session"
	typeBackup     = "streaming-session-backup"
	typeEula       = "eula"
	typeAcceptance = "eula-acceptance"
)

// arn names a resource of this installation. In it an id goes without its region.
func (s *Service) arn(kind, id string) string {
	if regional(kind) {
		id = strings.TrimPrefix(id, s.cfg.Region+":")
	}
	return s.arnPrefix() + kind + "/" + id
}

// regional tells whether ids of a type begin with the region.
func regional(kind string) bool { return kind == typeStudio || kind == typeSession }

func (s *Service) arnPrefix() string {
	partition := "aws"
	switch {
	case strings.HasPrefix(s.cfg.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(s.cfg.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return fmt.Sprintf("arn:%s:nimble:%s:%s:", partition, s.cfg.Region, s.cfg.Account)
}

// openARN tells type and id of the resource that an ARN names, which may not
// exist. The id is empty where the ARN is of another installation. The error is a
// Validation of what names no resource that has tags.
func (s *Service) openARN(arn string) (kind, id string, err error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != "nimble" {
		return "", "", notTaggable()
	}
	kind, id, _ = strings.Cut(parts[5], "/")
	if id == "" || !slices.Contains([]string{typeStudio, typeComponent, typeProfile, typeImage, typeSession, typeBackup}, kind) {
		return "", "", notTaggable()
	}
	if !strings.HasPrefix(arn, s.arnPrefix()) {
		return kind, "", nil
	}
	if regional(kind) {
		id = s.cfg.Region + ":" + id
	}
	return kind, id, nil
}

func notTaggable() *Error {
	return invalid(CodeARN, "resourceArn", "must be the ARN of a studio, studio component, launch profile, streaming image, streaming session or backup")
}
