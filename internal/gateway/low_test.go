package gateway_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestNothingOverlaps: what has just happened, what is being uploaded, and the mark of who
// is here lie beside each other, or one above the other.
func TestNothingOverlaps(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1")
	s.newDesktop()
	w := newWindow(t, 1280, 800, "", webrtcFlags...)
	w.do(chromedp.Navigate(s.url()))
	w.await("live")
	for _, width := range []int64{390, 1000, 1280} {
		w.do(chromedp.EmulateViewport(width, 800))
		var over []string
		w.eval(`const [toast, card, mark] = [".toasts", ".upload", "#mark"].map((s) => document.querySelector(s));
			toast.innerHTML = "<div><p>Ctrl+Alt+Shift+B shows the bar of this page, and so does the pointer at the upper edge.</p></div>";
			card.querySelector("p").textContent = "Uploading renders/shot 042/beauty.0001.exr: 3 of 12 files, 1.2 GB of 4 GB";
			mark.textContent = "2 others are here";
			card.hidden = mark.hidden = false;
			const boxes = { toast: toast.firstElementChild, card, mark };
			const over = [];
			for (const [a, one] of Object.entries(boxes)) for (const [b, other] of Object.entries(boxes)) {
				const p = one.getBoundingClientRect(), q = other.getBoundingClientRect();
				if (a < b && p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom) over.push(a + " and " + b);
				if (p.left < 0 || p.right > innerWidth || p.width === 0) over.push(a + " and the edge");
			}
			return over`, &over)
		w.shot(fmt.Sprint("low-", width))
		if len(over) > 0 {
			t.Errorf("%d pixels wide: %q", width, over)
		}
	}
}
