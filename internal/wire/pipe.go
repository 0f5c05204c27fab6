package wire

// From streamer to gateway, which passes both on to the pages.
const (
	TypeAllows Type = iota + 0x14
	TypeCopied
)

// Between gateway and streamer, both ways.
const (
	TypePipeOpen Type = iota + 0x50
	TypePipeData
	TypePipeRoom
	TypePipeEnd
)

// TypeViewerKey is from gateway to page.
const TypeViewerKey Type = 0xd8

// Bounds of pipes.
const (
	// PipeWindow is how many bytes may be on their way in a pipe, each way.
	PipeWindow = 1 << 20
	// PipeChunk is the most that one PipeData carries.
	PipeChunk = 64 << 10
	// MaxPipes is how many pipes may be open at once.
	MaxPipes = 16

	// MaxClipboardText is the longest text that a clipboard passes on, in bytes.
	MaxClipboardText = 4 << 20
	// MaxClipboardImage is the largest PNG that a clipboard passes on, in bytes.
	MaxClipboardImage = 16 << 20
)

// Allows says what the session's launch profile allows. Who is not told so must not
// offer it; the streamer does nothing else, whoever asks.
type Allows struct{ Clipboard, Upload bool }

// Copied says that a program of the desktop has copied something, and as what it
// can be had. What it is, a pipe brings. A text and an image may be the same thing.
type Copied struct {
	// Serial counts what was copied, since the streamer's start.
	Serial      uint32
	Text, Image bool
}

// Use is what a pipe is for.
type Use uint8

// The uses of a pipe. Of the clipboard's, the one side writes all there is and then
// ends the pipe; where the desktop's is set, the streamer ends it, too, once it is.
const (
	// UseCopyText brings the text of the desktop's clipboard, UTF-8.
	UseCopyText Use = iota + 1
	// UseCopyImage brings its image, a PNG.
	UseCopyImage
	// UsePasteText makes a text the desktop's clipboard, UsePasteImage a PNG.
	UsePasteText
	UsePasteImage
	// UseFiles leads to where the sandbox takes files, and speaks HTTP/1.1.
	UseFiles
)

// PipeOpen opens a pipe: a stream of bytes each way. The gateway opens them and
// chooses the number among those that are free.
type PipeOpen struct {
	Pipe uint16
	Use  Use
}

// PipeData carries the next bytes of a pipe. There must be room for them.
type PipeData struct {
	Pipe uint16
	// Data lies in the Conn's buffer after ReadMessage: it is good until the next ReadMessage.
	Data []byte
}

// PipeRoom says that so many bytes more may be sent than before. At first it is PipeWindow.
type PipeRoom struct {
	Pipe  uint16
	Bytes uint32
}

// PipeEnd says that nothing more comes on a pipe from this side; with Broken that
// what came is not whole, and that nothing is read any more.
type PipeEnd struct {
	Pipe   uint16
	Broken bool
}

// ViewerKey is by what a page shows in a request beside its connection that it is
// this viewer, for as long as the connection lasts. Secret.
type ViewerKey struct{ Key string }

// Type is TypeAllows.
func (Allows) Type() Type { return TypeAllows }

// Type is TypeCopied.
func (Copied) Type() Type { return TypeCopied }

// Type is TypePipeOpen.
func (PipeOpen) Type() Type { return TypePipeOpen }

// Type is TypePipeData.
func (PipeData) Type() Type { return TypePipeData }

// Type is TypePipeRoom.
func (PipeRoom) Type() Type { return TypePipeRoom }

// Type is TypePipeEnd.
func (PipeEnd) Type() Type { return TypePipeEnd }

// Type is TypeViewerKey.
func (ViewerKey) Type() Type { return TypeViewerKey }

func (m Allows) write(w *writer) {
	w.bool(m.Clipboard)
	w.bool(m.Upload)
}

func (m Copied) write(w *writer) {
	w.u32(m.Serial)
	w.bool(m.Text)
	w.bool(m.Image)
}

func (m PipeOpen) write(w *writer) {
	w.u16(m.Pipe)
	w.b = append(w.b, byte(m.Use))
}

func (m PipeData) write(w *writer) {
	w.u16(m.Pipe)
	w.b = append(w.b, m.Data...)
}

func (m PipeRoom) write(w *writer) {
	w.u16(m.Pipe)
	w.u32(m.Bytes)
}

func (m PipeEnd) write(w *writer) {
	w.u16(m.Pipe)
	w.bool(m.Broken)
}

func (m ViewerKey) write(w *writer) { w.text(m.Key) }

func (r *reader) pipeOpen() PipeOpen {
	m := PipeOpen{r.u16(), Use(r.u8())}
	if m.Use < UseCopyText || m.Use > UseFiles {
		r.fail("no such use of a pipe")
	}
	return m
}

func (r *reader) pipeData() PipeData {
	m := PipeData{r.u16(), r.rest()}
	if len(m.Data) == 0 || len(m.Data) > PipeChunk {
		r.fail("chunk of no such size")
	}
	return m
}

func (r *reader) pipeRoom() PipeRoom {
	return PipeRoom{r.u16(), r.within(r.u32(), 1, PipeWindow)}
}
