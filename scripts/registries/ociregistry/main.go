// The registry in memory of ociregistry: ociregistry <address> <directory> [quirk ...].
// It serves the bytes of <directory>/<hex of a digest> in place of the blob's own, so that a test can damage what is stored.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/opencontainers/go-digest"
)

func main() {
	quirks := os.Args[3:]
	memory := ocimem.NewWithConfig(&ocimem.Config{})
	var backend ociregistry.Interface = &damaged{Interface: memory, directory: os.Args[2]}
	if slices.Contains(quirks, "immutable-tags") {
		backend = &immutable{Interface: backend}
	}
	options := &ociserver.Options{
		MaxListPageSize:              1000,
		OmitLinkHeaderFromResponses:  slices.Contains(quirks, "no-link"),
		OmitDigestFromTagGetResponse: slices.Contains(quirks, "no-digest"),
	}
	log.Fatal(http.ListenAndServe(os.Args[1], ociserver.New(backend, options)))
}

type damaged struct {
	ociregistry.Interface
	directory string
}

func (d *damaged) GetBlob(ctx context.Context, repo string, dig ociregistry.Digest) (ociregistry.BlobReader, error) {
	blob, err := d.Interface.GetBlob(ctx, repo, dig)
	if err != nil {
		return nil, err
	}
	bytes, missing := os.ReadFile(filepath.Join(d.directory, strings.TrimPrefix(string(dig), "sha256:")))
	if missing != nil {
		return blob, nil
	}
	descriptor := blob.Descriptor()
	blob.Close()
	return ocimem.NewBytesReader(bytes, descriptor), nil
}

// What registries with immutable tags do whose rule leaves out the tags that we derive; ocimem's own rule has no such exception.
type immutable struct {
	ociregistry.Interface
	one sync.Mutex
}

func (r *immutable) PushManifest(ctx context.Context, repo string, tag string, contents []byte, mediaType string) (ociregistry.Descriptor, error) {
	r.one.Lock()
	defer r.one.Unlock()
	if tag != "" && !strings.HasPrefix(tag, "_snapshot") && !strings.HasPrefix(tag, "_upstream") {
		if there, err := r.ResolveTag(ctx, repo, tag); err == nil && there.Digest != digest.FromBytes(contents) {
			return ociregistry.Descriptor{}, fmt.Errorf("%w: tag %s is immutable", ociregistry.ErrDenied, tag)
		}
	}
	return r.Interface.PushManifest(ctx, repo, tag, contents, mediaType)
}
