package api

import (
	"context"
	"net/http"

	"github.com/backlot/backlot/internal/studio"
)

// OwnPrefix begins the paths of the operations that Nimble Studio never had.
const OwnPrefix = "/backlot/v1/"

// ownTable lists these operations. They are signed, checked, decoded and answered
// like the others; no client model has them.
func ownTable() []operation {
	const (
		session = "studios/{studioId}/streaming-sessions/{sessionId}/backups"
		backup  = "studios/{studioId}/streaming-session-backups/{backupId}"
		share   = "studios/{studioId}/streaming-sessions/{sessionId}/share"
		lost    = "lost"
	)
	return []operation{
		own(http.MethodPost, session, plain, (*studio.Service).CreateBackup),
		own(http.MethodGet, session, plain, (*studio.Service).ListBackups),
		own(http.MethodGet, backup, plain, (*studio.Service).GetBackup),
		own(http.MethodDelete, backup, idempotent, (*studio.Service).DeleteBackup),
		own(http.MethodPost, backup+"/verify", idempotent, (*studio.Service).VerifyBackup),
		own(http.MethodPost, backup+"/restore", plain, (*studio.Service).RestoreBackup),
		own(http.MethodGet, backup+"/files", plain, (*studio.Service).ListBackupFiles),
		ownBytes(backup+"/file", (*studio.Service).GetBackupFile, sendFile),
		ownBytes(backup+"/archive", (*studio.Service).ExportBackup, sendArchive),
		own(http.MethodPost, session+"/archive", plain, (*studio.Service).ImportBackup),
		own(http.MethodPut, share, idempotent, (*studio.Service).PutSessionShare),
		own(http.MethodGet, share, plain, (*studio.Service).GetSessionShare),
		own(http.MethodDelete, share, idempotent, (*studio.Service).DeleteSessionShare),
		own(http.MethodGet, lost, plain, (*studio.Service).ListLost),
		own(http.MethodDelete, lost+"/{lostId}", idempotent, (*studio.Service).DeleteLost),
		own(http.MethodPost, "studios/{studioId}/"+lost+"/{lostId}/adopt", plain, (*studio.Service).AdoptLost),
	}
}

// allOperations are those of the service model and our own.
func allOperations() []operation { return append(table(), ownTable()...) }

func own[In, Out any](
	method, path string, t traits, call func(*studio.Service, context.Context, studio.Principal, *In) (*Out, error),
) operation {
	o := row(OwnPrefix+path, method, http.StatusOK, t, call)
	o.encode = newEncoder(o.out)
	return o
}

// ownBytes is the row of an operation that answers bytes.
func ownBytes[In, Out any](
	path string, call func(*studio.Service, context.Context, studio.Principal, *In) (*Out, error),
	serve func(http.ResponseWriter, *http.Request, *Out) error,
) operation {
	o := row(OwnPrefix+path, http.MethodGet, http.StatusOK, plain, call)
	o.serve = func(w http.ResponseWriter, r *http.Request, out any) error { return serve(w, r, out.(*Out)) }
	return o
}
