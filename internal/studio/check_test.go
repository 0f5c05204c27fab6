package studio_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
)

func goodProfile() *studio.CreateLaunchProfileRequest {
	return &studio.CreateLaunchProfileRequest{
		EC2SubnetIDs:                  []string{},
		LaunchProfileProtocolVersions: []string{"2021-03-31"},
		Name:                          "Desktop",
		StudioComponentIDs:            []string{"component"},
		StudioID:                      "us-west-2:stid-abcdefgh12345678",
		StreamConfiguration: studio.StreamConfigurationCreate{
			ClipboardMode:             "ENABLED",
			EC2InstanceTypes:          []string{"g4dn.xlarge"},
			StreamingImageIDs:         []string{"image"},
			MaxSessionLengthInMinutes: 690,
		},
	}
}

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for _, req := range []any{
		goodProfile(),
		&studio.CreateStudioRequest{StudioName: "demo", DisplayName: "", AdminRoleARN: "arn:a", UserRoleARN: "arn:b"},
		&studio.ListStudioComponentsRequest{StudioID: "s", States: []studio.State{"READY"}, MaxResults: new(100)},
		&studio.CreateStreamingSessionStreamRequest{StudioID: "s", SessionID: "s.x", ExpirationInSeconds: new(60)},
	} {
		if err := studio.Check(req); err != nil {
			t.Errorf("%T: %v", req, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	profile := func(change func(*studio.CreateLaunchProfileRequest)) any {
		req := goodProfile()
		change(req)
		return req
	}
	tests := map[string]struct {
		req    any
		code   string
		member string
		says   string
	}{
		"missing path member": {
			&studio.GetStudioRequest{}, studio.CodeMissing, "studioId", "is required",
		},
		"missing list": {
			profile(func(r *studio.CreateLaunchProfileRequest) { r.EC2SubnetIDs = nil }),
			studio.CodeMissing, "ec2SubnetIds", "is required",
		},
		"missing deep": {
			profile(func(r *studio.CreateLaunchProfileRequest) { r.StreamConfiguration.ClipboardMode = "" }),
			studio.CodeMissing, "streamConfiguration.clipboardMode", "is required",
		},
		"empty list": {
			profile(func(r *studio.CreateLaunchProfileRequest) { r.StudioComponentIDs = []string{} }),
			studio.CodeLength, "studioComponentIds", "at least 1 items",
		},
		"enum in a list": {
			profile(func(r *studio.CreateLaunchProfileRequest) {
				r.StreamConfiguration.EC2InstanceTypes = []string{"g4dn.xlarge", "t2.micro"}
			}),
			studio.CodeEnum, "streamConfiguration.ec2InstanceTypes[1]", `"t2.micro"`,
		},
		"integer too small": {
			profile(func(r *studio.CreateLaunchProfileRequest) { r.StreamConfiguration.MaxSessionLengthInMinutes = 0 }),
			studio.CodeRange, "streamConfiguration.maxSessionLengthInMinutes", "at least 1",
		},
		"integer behind a pointer": {
			&studio.CreateStreamingSessionStreamRequest{StudioID: "s", SessionID: "x", ExpirationInSeconds: new(3601)},
			studio.CodeRange, "expirationInSeconds", "at most 3600",
		},
		"pattern": {
			&studio.CreateStreamingImageRequest{StudioID: "s", Name: "n", EC2ImageID: "img-1"},
			studio.CodePattern, "ec2ImageId", `"img-1"`,
		},
		"header member": {
			&studio.DeleteStudioRequest{StudioID: "s", ClientToken: strings.Repeat("é", 65)},
			studio.CodeLength, "clientToken", "at most 64",
		},
		"characters, not bytes": {
			&studio.CreateStudioRequest{StudioName: "demo", DisplayName: strings.Repeat("é", 65), AdminRoleARN: "a", UserRoleARN: "b"},
			studio.CodeLength, "displayName", "at most 64",
		},
		"empty where given": {
			&studio.UpdateLaunchProfileRequest{StudioID: "s", LaunchProfileID: "p", Name: new("")},
			studio.CodeLength, "name", "at least 1",
		},
		"no text": {
			&studio.GetStudioRequest{StudioID: "\xff"}, studio.CodePattern, "studioId", "UTF-8",
		},
		"nothing a store keeps": {
			&studio.CreateStreamingSessionRequest{StudioID: "s", LaunchProfileID: "p", OwnedBy: new("a\x00b")}, studio.CodePattern, "ownedBy", "U+0000",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := studio.Check(tt.req)
			wants(t, err, studio.Validation, tt.code)
			var e *studio.Error
			if !asError(err, &e) || e.Context["member"] != tt.member || !strings.Contains(e.Message, tt.says) {
				t.Errorf("Check = %+v", e)
			}
		})
	}
}

func TestCheckHidesSensitiveValues(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("secret", 50)
	for _, req := range []any{
		&studio.CreateStudioComponentRequest{
			StudioID: "s", Name: "n", Type: "CUSTOM",
			ScriptParameters: []studio.ScriptParameterKeyValue{{Key: "ab", Value: secret}},
		},
		&studio.CreateStudioRequest{StudioName: "demo", DisplayName: secret, AdminRoleARN: "a", UserRoleARN: "b"},
	} {
		err := studio.Check(req)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%T: %v", req, err)
		}
	}
}

func TestShapesAreKnown(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for f := range typ.Fields() {
			if name := f.Tag.Get("shape"); name != "" {
				if _, ok := studio.ShapeOf(name); !ok {
					t.Errorf("%s.%s: no shape %s", typ, f.Name, name)
				}
			}
			walk(f.Type)
		}
	}
	for _, v := range []any{
		studio.CreateLaunchProfileRequest{},
		studio.UpdateLaunchProfileRequest{},
		studio.CreateStudioComponentRequest{},
		studio.CreateStreamingSessionRequest{},
		studio.GetLaunchProfileDetailsResponse{},
		studio.GetStreamingSessionResponse{},
		studio.GetStreamingSessionStreamResponse{},
		studio.GetStudioResponse{},
	} {
		walk(reflect.TypeOf(v))
	}
}
