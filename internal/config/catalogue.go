package config

import (
	"fmt"
	"regexp"
	"slices"
)

// Quotas bound the numbers of things.
type Quotas struct {
	Studios           int `yaml:"studios" help:"Studios of the installation."`
	Sessions          int `yaml:"sessions" help:"Streaming sessions of a studio."`
	LaunchProfiles    int `yaml:"launch_profiles" help:"Launch profiles of a studio."`
	StreamingImages   int `yaml:"streaming_images" help:"Streaming images of a studio, provided ones not counted."`
	Components        int `yaml:"studio_components" help:"Studio components of a studio."`
	SharedFileSystems int `yaml:"shared_file_systems" help:"Components of a studio that are shared file systems."`
}

func (q Quotas) byName() map[string]int {
	return map[string]int{
		"studios": q.Studios, "sessions": q.Sessions, "launch_profiles": q.LaunchProfiles, "streaming_images": q.StreamingImages,
		"studio_components": q.Components, "shared_file_systems": q.SharedFileSystems,
	}
}

// Requests bounds what each caller may ask for.
type Requests struct {
	PerSecond float64 `yaml:"per_second" help:"Requests a second in the long run."`
	Burst     int     `yaml:"burst" help:"Requests at once."`
}

// Eula is a licence.
type Eula struct {
	ID      string `yaml:"id" help:"1 to 22 letters, digits, hyphens and underscores."`
	Name    string `yaml:"name" help:"Who licenses what."`
	Content string `yaml:"content" help:"Url of its text."`
}

// ProvidedImage is a streaming image that is in every studio.
type ProvidedImage struct {
	ID          string   `yaml:"id" help:"streamingImageId: 1 to 22 letters, digits, hyphens and underscores."`
	Name        string   `yaml:"name" help:"What users see."`
	Description string   `yaml:"description" help:"What users see besides."`
	EC2ImageID  string   `yaml:"ec2_image_id" help:"The machine image."`
	Eulas       []string `yaml:"eulas" help:"Ids of the licences that it asks for."`
}

var idPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,22}$`)

// checkCatalogue looks at what names what.
func (c Config) checkCatalogue(complain func(field, format string, args ...any)) {
	known, images := map[string]bool{}, map[string]bool{}
	for i, e := range c.Eulas {
		if field := fmt.Sprintf("eulas[%d]", i); !idPattern.MatchString(e.ID) || known[e.ID] {
			complain(field, "the id %q is none, or there twice", e.ID)
		}
		known[e.ID] = true
	}
	for i, p := range c.ProvidedImages {
		field := fmt.Sprintf("provided_images[%d]", i)
		if !idPattern.MatchString(p.ID) || images[p.ID] {
			complain(field, "the id %q is none, or there twice", p.ID)
		}
		images[p.ID] = true
		if j := slices.IndexFunc(p.Eulas, func(id string) bool { return !known[id] }); j >= 0 {
			complain(field, "there is no licence %q in eulas", p.Eulas[j])
		}
	}
}
