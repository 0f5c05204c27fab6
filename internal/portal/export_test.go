package portal

// CookieName is for tests.
var CookieName = cookieName
