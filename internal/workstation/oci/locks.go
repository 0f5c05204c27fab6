package oci

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// locks let one verb at a time work on a workstation, of whatever process. Each
// workstation has a directory in dir; the file in it with the highest number is
// its lock, locked by who works on it, and written anew now and then. Who dies lets
// go. Who is frozen is passed over: another makes a file with the next number, and
// the former one learns, before each thing that it does, that it has lost the
// workstation.
type locks struct {
	dir string
	// owner names this driver in the files that it has locked.
	owner string
}

func newLocks(dir string) locks { return locks{dir: dir, owner: rand.Text()} }

const (
	// signEvery is the time between two signs of life of who has a lock.
	signEvery = 400 * time.Millisecond
	// passedOver is after how long without one another passes over.
	passedOver = 2 * time.Second
)

// errPassedOver says that another process works on the workstation now.
var errPassedOver = errors.New("another server has taken the workstation over")

// lock is a lock that was taken.
type lock struct {
	file *os.File
	done chan struct{} // ends the signs of life
	over sync.WaitGroup
	// foreign tells that it was another driver's before, whose runc may still run.
	foreign bool
}

// take waits for the workstation to be free, as long as ctx lasts.
func (l locks) take(ctx context.Context, id string) (*lock, error) {
	dir := filepath.Join(l.dir, id)
	var watched string
	var since time.Time
	for {
		k, busy, err := l.try(dir)
		if err != nil {
			return nil, fmt.Errorf("lock workstation %s: %w", id, err)
		}
		if k != nil {
			return k, nil
		}
		if busy != watched {
			watched, since = busy, time.Now()
		}
		if busy != "" && time.Since(since) > passedOver {
			if err := passOver(dir, busy); err != nil {
				return nil, fmt.Errorf("lock workstation %s: %w", id, err)
			}
			continue
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// try takes the lock if it is free. Else busy names who has it, as its number and
// what is in it; empty: it was being removed.
func (l locks) try(dir string) (k *lock, busy string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	numbers, err := lockNumbers(dir)
	if err != nil {
		return nil, "", err
	}
	number := 1
	if len(numbers) > 0 {
		number = slices.Max(numbers)
	}
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(number)), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	text, readErr := io.ReadAll(file)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Sprintf("%d %s", number, text), errors.Join(readErr, file.Close())
	}
	k = &lock{file: file, done: make(chan struct{})}
	if err = errors.Join(err, readErr); err == nil {
		err = k.held()
	}
	if err != nil {
		_ = file.Close()
		if errors.Is(err, errPassedOver) {
			err = nil
		}
		return nil, "", err
	}
	before, _, _ := strings.Cut(string(text), " ")
	k.foreign = before != "" && before != l.owner
	for _, n := range numbers {
		if n < number {
			k.foreign = true
			_ = os.Remove(filepath.Join(dir, strconv.Itoa(n))) // only to keep the directory small
		}
	}
	if err := l.sign(file); err != nil {
		return nil, "", errors.Join(err, file.Close())
	}
	k.over.Go(func() {
		again := time.NewTicker(signEvery)
		defer again.Stop()
		for {
			select {
			case <-k.done:
				return
			case <-again.C:
				_ = l.sign(file) // or others think that this process is frozen
			}
		}
	})
	return k, "", nil
}

// sign writes what nobody has written before.
func (l locks) sign(file *os.File) error {
	_, err := file.WriteAt([]byte(l.owner+" "+rand.Text()), 0)
	return err
}

// passOver makes the lock after one that is not let go; who takes that is not said.
func passOver(dir, busy string) error {
	number, _, _ := strings.Cut(busy, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	next, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(n+1)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // another was faster, or it has been let go
		return nil
	}
	if err != nil {
		return err
	}
	return next.Close()
}

func lockNumbers(dir string) (numbers []int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// held returns errPassedOver once the lock is another's.
func (k *lock) held() error {
	mine, err := k.file.Stat()
	if err != nil {
		return err
	}
	path := k.file.Name()
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return errPassedOver
	}
	if err != nil {
		return err
	}
	numbers, err := lockNumbers(filepath.Dir(path))
	if err == nil && (len(numbers) == 0 || strconv.Itoa(slices.Max(numbers)) != filepath.Base(path)) {
		err = errPassedOver
	}
	return err
}

// free lets go, and forgets the lock where it protects nothing.
func (k *lock) free(forget bool) {
	close(k.done)
	k.over.Wait()
	if forget && k.held() == nil {
		_ = os.Remove(k.file.Name()) // or it stays, empty
		_ = os.Remove(filepath.Dir(k.file.Name()))
	}
	_ = k.file.Close()
}
