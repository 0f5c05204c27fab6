package viewer

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of what is compiled in
	"encoding/base64"
	"fmt"
	"html/template"
)

//go:generate go test -run ^TestBundle$ -update .

var (
	//go:embed page.tmpl
	page string
	//go:embed dist/viewer.css
	style string
	//go:embed dist/main.js
	script string
)

// Page is the stream page. Script and style are part of it, so that it needs
// no second request.
type Page struct {
	// Policy is the Content-Security-Policy the page must be served with.
	Policy string

	template *template.Template
}

// Data is what a page shows.
type Data struct {
	// State is what it begins with: connecting, refused or unavailable.
	State string
	// Title names the desktop; empty: "Desktop".
	Title string
	// Home is the path of the page to go back to.
	Home string
	// Host and Port are where the picture comes from.
	Host string
	Port int
}

// New parses the page.
func New() (*Page, error) {
	t, err := template.New("page").Parse(page)
	if err != nil {
		return nil, fmt.Errorf("parse stream page: %w", err)
	}
	return &Page{
		template: t,
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
			"script-src '" + digest(script) + "'; style-src '" + digest(style) + "'; " +
			"connect-src 'self'; img-src data:; media-src 'self' blob:",
	}, nil
}

// Render returns the page's HTML.
func (p *Page) Render(data Data) ([]byte, error) {
	title := data.Title
	switch {
	case data.State == "refused":
		title = "No desktop here"
	case data.State == "unavailable":
		title = "Not available"
	case title == "":
		title = "Desktop"
	}
	var b bytes.Buffer
	err := p.template.Execute(&b, struct {
		Data
		PageTitle string
		Style     template.CSS
		Script    template.JS
	}{data, title, template.CSS(style), template.JS(script)}) //nolint:gosec // both are our own
	if err != nil {
		return nil, fmt.Errorf("render stream page: %w", err)
	}
	return b.Bytes(), nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
