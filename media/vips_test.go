package media

import (
	"bytes"
	"image"
	"image/png"
	"regexp"
	"testing"

	"github.com/h2non/bimg"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	if v := Version(); !regexp.MustCompile(`^8\.\d+\.\d+`).MatchString(v) {
		t.Errorf("libvips' version is %q", v)
	}
}

func TestBlocked(t *testing.T) {
	t.Parallel()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	t.Run("a PNG is read", func(t *testing.T) {
		t.Parallel()
		if size, err := bimg.Size(picture.Bytes()); err != nil || size.Width != 2 {
			t.Errorf("size %v, %v", size, err)
		}
	})
	t.Run("an SVG is not", func(t *testing.T) {
		t.Parallel()
		svg := []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>`)
		if _, err := bimg.NewImage(svg).Convert(bimg.PNG); err == nil {
			t.Error("an SVG was decoded: untrusted loaders are not blocked")
		}
	})
}
