// backlotpen is a driver of X's for the pen of a session's desktop. X's own driver for
// events that a program makes up, inputtest, knows no tilt; this one has the axes of a
// tablet, in the order in which programs expect them: x, y, pressure, tilt.
//
// It listens at a Unix socket and takes those messages of inputtest's protocol, version 1.1, that
// a pen needs: motion to a place, nearness, buttons. They are C structures of this
// machine. What is no such message ends the connection; whoever comes next takes its place.
//
// It works with X servers of the input ABI of the headers it is built with.

#define _GNU_SOURCE
#include <xorg-server.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <exevents.h>
#include <mi.h>
#include <os.h>
#include <xf86.h>
#include <xf86Module.h>
#include <xf86Xinput.h>
#include <xserver-properties.h>

// Axes: places in parts of the screen, pressure in parts of the greatest, tilt in degrees as
// tablets tell it.
enum { AXIS_X, AXIS_Y, AXIS_PRESSURE, AXIS_TILT_X, AXIS_TILT_Y, AXES };

static const struct {
	const char *label;
	int min, max;
} axes[AXES] = {
	[AXIS_X] = {AXIS_LABEL_PROP_ABS_X, 0, 65535},
	[AXIS_Y] = {AXIS_LABEL_PROP_ABS_Y, 0, 65535},
	[AXIS_PRESSURE] = {AXIS_LABEL_PROP_ABS_PRESSURE, 0, 65535},
	[AXIS_TILT_X] = {AXIS_LABEL_PROP_ABS_TILT_X, -64, 63},
	[AXIS_TILT_Y] = {AXIS_LABEL_PROP_ABS_TILT_Y, -64, 63},
};

enum { BUTTONS = 3 };

// Messages, by their second word; the first is their length in bytes. The answer to VERSION
// and SYNC is as long, and comes to SYNC once all before it has been done.
enum { VERSION, SYNC, MOTION, PROXIMITY, BUTTON };

enum { MAJOR = 1, MINOR = 1 };

// valuators end the messages of events: a flag, a bit and a number for each axis, and as many
// numbers that are not looked at.
struct valuators {
	uint32_t unaccelerated;
	uint8_t mask[8];
	double values[64], ignored[64];
};

struct head {
	uint32_t length, kind;
};

union message {
	struct head head;
	struct {
		struct head head;
		uint16_t major, minor;
	} version;
	struct {
		struct head head;
		uint32_t on; // absolute, or near
		struct valuators axes;
	} motion;
	struct {
		struct head head;
		uint32_t absolute, number, down;
		struct valuators axes;
	} button;
};

static const size_t lengths[] = {
	[VERSION] = sizeof((union message *)0)->version,
	[SYNC] = sizeof(struct head),
	[MOTION] = sizeof((union message *)0)->motion,
	[PROXIMITY] = sizeof((union message *)0)->motion,
	[BUTTON] = sizeof((union message *)0)->button,
};

// pen is one device. The input thread reads; X's main thread does all else. Both hold the
// input lock.
struct pen {
	char *path;
	int listener; // -1: the device is off
	size_t filled; // of next
	union message next;
	Bool queued;  // there are events in X's queue
	Bool syncing; // an answer is due once there are none
};

static void hang_up(InputInfoPtr info) {
	struct pen *p = info->private;
	if (info->fd < 0)
		return;
	xf86RemoveEnabledDevice(info);
	close(info->fd);
	info->fd = -1;
	p->filled = 0;
	p->syncing = FALSE;
}

static Bool answer(InputInfoPtr info, const void *message, size_t size) {
	return send(info->fd, message, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static Bool synced(InputInfoPtr info) {
	const struct head done = {sizeof done, SYNC};
	return answer(info, &done, sizeof done);
}

// drained is called when X's queue is empty.
static void drained(CallbackListPtr *list, void *device, void *unused) {
	InputInfoPtr info = device;
	struct pen *p = info->private;
	input_lock();
	p->queued = FALSE;
	if (p->syncing) {
		p->syncing = FALSE;
		if (!synced(info))
			hang_up(info);
	}
	input_unlock();
}

static void take_axes(ValuatorMask *mask, const struct valuators *v) {
	for (int i = 0; i < AXES; i++)
		if (v->mask[i / 8] >> (i % 8) & 1 && v->values[i] >= axes[i].min && v->values[i] <= axes[i].max)
			valuator_mask_set_double(mask, i, v->values[i]);
}

// obey does what a whole message says, and says no to one that makes no sense.
static Bool obey(InputInfoPtr info, union message *m) {
	struct pen *p = info->private;
	ValuatorMask *mask;
	Bool ok = TRUE;
	switch (m->head.kind) {
	case VERSION:
		if (m->version.major != MAJOR)
			return FALSE;
		m->version.minor = MINOR;
		return answer(info, &m->version, sizeof m->version);
	case SYNC:
		p->syncing = p->queued;
		return p->queued || synced(info);
	}
	if (!(mask = valuator_mask_new(AXES)))
		return FALSE;
	switch (m->head.kind) {
	case MOTION:
		take_axes(mask, &m->motion.axes);
		if (!valuator_mask_num_valuators(mask)) // which makes no event
			break;
		p->queued = TRUE;
		xf86PostMotionEventM(info->dev, Absolute, mask);
		break;
	case PROXIMITY:
		take_axes(mask, &m->motion.axes);
		p->queued = TRUE;
		xf86PostProximityEventM(info->dev, m->motion.on != 0, mask);
		break;
	case BUTTON:
		if ((ok = m->button.number >= 1 && m->button.number <= BUTTONS)) {
			take_axes(mask, &m->button.axes);
			p->queued = TRUE;
			xf86PostButtonEventM(info->dev, Absolute, m->button.number, m->button.down != 0, mask);
		}
		break;
	}
	valuator_mask_free(&mask);
	return ok;
}

// read_input does some of what has come; of more it is called again. The main thread waits meanwhile.
static void read_input(InputInfoPtr info) {
	struct pen *p = info->private;
	for (int some = 0; some < 64; some++) {
		size_t whole = sizeof p->next.head;
		if (p->filled >= whole) {
			if (p->next.head.kind >= sizeof lengths / sizeof *lengths || p->next.head.length != lengths[p->next.head.kind])
				return hang_up(info);
			whole = p->next.head.length;
			if (p->filled == whole) {
				p->filled = 0;
				if (!obey(info, &p->next))
					return hang_up(info);
				whole = sizeof p->next.head;
			}
		}
		ssize_t n = read(info->fd, (char *)&p->next + p->filled, whole - p->filled);
		if (n > 0)
			p->filled += n;
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (n == 0 || errno != EINTR)
			return hang_up(info);
	}
}

static void welcome(int listener, int ready, void *device) {
	InputInfoPtr info = device;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	input_lock();
	hang_up(info);
	info->fd = fd;
	xf86AddEnabledDevice(info);
	input_unlock();
}

static int turn_on(InputInfoPtr info) {
	struct pen *p = info->private;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd;
	if (strlen(p->path) >= sizeof at.sun_path)
		return BadValue;
	strcpy(at.sun_path, p->path);
	unlink(p->path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return BadAlloc;
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || chmod(p->path, 0777) < 0 || listen(fd, SOMAXCONN) < 0) {
		xf86IDrvMsg(info, X_ERROR, "listen at %s: %s\n", p->path, strerror(errno));
		close(fd);
		return BadAccess;
	}
	p->listener = fd;
	p->queued = FALSE;
	SetNotifyFd(fd, welcome, X_NOTIFY_READ, info);
	mieqAddCallbackOnDrained(drained, info);
	info->dev->public.on = TRUE;
	return Success;
}

static void turn_off(InputInfoPtr info) {
	struct pen *p = info->private;
	info->dev->public.on = FALSE;
	if (p->listener < 0)
		return;
	mieqRemoveCallbackOnDrained(drained, info);
	RemoveNotifyFd(p->listener);
	close(p->listener);
	p->listener = -1;
	unlink(p->path);
	input_lock();
	hang_up(info);
	input_unlock();
}

static void feedback(DeviceIntPtr device, PtrCtrl *control) {}

static int describe(InputInfoPtr info) {
	static const char *const buttons[BUTTONS] = {
		BTN_LABEL_PROP_BTN_LEFT, BTN_LABEL_PROP_BTN_MIDDLE, BTN_LABEL_PROP_BTN_RIGHT,
	};
	CARD8 map[BUTTONS + 1] = {0};
	Atom labels[AXES], button_labels[BUTTONS];
	for (int i = 0; i < BUTTONS; i++) {
		map[i + 1] = i + 1;
		button_labels[i] = XIGetKnownProperty(buttons[i]);
	}
	for (int i = 0; i < AXES; i++)
		labels[i] = XIGetKnownProperty(axes[i].label);
	if (!InitPtrFeedbackClassDeviceStruct(info->dev, feedback) ||
	    !InitButtonClassDeviceStruct(info->dev, BUTTONS, button_labels, map) ||
	    !InitValuatorClassDeviceStruct(info->dev, AXES, labels, GetMotionHistorySize(), Absolute) ||
	    !InitProximityClassDeviceStruct(info->dev))
		return BadAlloc;
	for (int i = 0; i < AXES; i++) {
		xf86InitValuatorAxisStruct(info->dev, i, labels[i], axes[i].min, axes[i].max, 0, 0, 0, Absolute);
		xf86InitValuatorDefaults(info->dev, i);
	}
	return Success;
}

static int control(DeviceIntPtr device, int what) {
	InputInfoPtr info = device->public.devicePrivate;
	switch (what) {
	case DEVICE_INIT:
		return describe(info);
	case DEVICE_ON:
		return turn_on(info);
	case DEVICE_OFF:
	case DEVICE_CLOSE:
		turn_off(info);
		return Success;
	}
	return BadValue;
}

static int begin(InputDriverPtr driver, InputInfoPtr info, int flags) {
	struct pen *p = calloc(1, sizeof *p);
	if (!p)
		return BadAlloc;
	p->listener = -1;
	p->path = xf86SetStrOption(info->options, "SocketPath", NULL);
	if (!p->path) {
		xf86IDrvMsg(info, X_ERROR, "no SocketPath\n");
		free(p);
		return BadValue;
	}
	info->private = p;
	info->type_name = xf86SetBoolOption(info->options, "Eraser", FALSE) ? "ERASER" : "STYLUS";
	info->device_control = control;
	info->read_input = read_input;
	info->fd = -1;
	return Success;
}

static void end(InputDriverPtr driver, InputInfoPtr info, int flags) {
	struct pen *p = info->private;
	if (p) {
		free(p->path);
		free(p);
		info->private = NULL;
	}
	xf86DeleteInput(info, flags);
}

static InputDriverRec driver = {
	.driverVersion = 1,
	.driverName = "backlotpen",
	.PreInit = begin,
	.UnInit = end,
};

static void *load(void *module, void *options, int *error, int *more) {
	xf86AddInputDriver(&driver, module, 0);
	return module;
}

static XF86ModuleVersionInfo version = {
	"backlotpen", "Backlot", MODINFOSTRING1, MODINFOSTRING2, XORG_VERSION_CURRENT,
	1, 0, 0, ABI_CLASS_XINPUT, ABI_XINPUT_VERSION, MOD_CLASS_XINPUT, {0, 0, 0, 0},
};

_X_EXPORT XF86ModuleData backlotpenModuleData = {&version, load, NULL};
