package image

import "context"

// OpenRoot is Open for a machine whose root directory is elsewhere.
func OpenRoot(ctx context.Context, c Config, root string) (*Store, error) { return open(ctx, c, root) }

// Filesystems are the kinds of file system a mask may lie on.
func Filesystems() map[string]func(context.Context) (int, error) {
	return map[string]func(context.Context) (int, error){
		"tmpfs": func(context.Context) (int, error) { return newTmpfs() },
		"ext4":  newExt4,
	}
}
