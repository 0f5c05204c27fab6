package gateway

// Credential is what streamers of this gateway show.
func (g *Gateway) Credential(sessionKey string) string { return Credential(g.cfg.Secret, sessionKey) }
