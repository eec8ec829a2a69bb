internal import CEvent

/// Readiness of one file descriptor, which the source does not own.
package final class IOSource {
    package let loop: EventLoop
    package let fd: Int32
    private var ticket: Int?
    private var readEvent: OpaquePointer?
    private var writeEvent: OpaquePointer?
    private var onReadable: (() -> Void)?
    private var onWritable: (() -> Void)?
    package private(set) var isReading = false
    package private(set) var isWriting = false

    /// Nothing is watched until `reading` or `writing` is switched on.
    package init(loop: EventLoop, fd: Int32, onReadable: @escaping () -> Void, onWritable: @escaping () -> Void) {
        self.loop = loop
        self.fd = fd
        self.onReadable = onReadable
        self.onWritable = onWritable
        if let simulation = loop.simulation {
            ticket = simulation.watch(self)
            return
        }
        // SAFETY: the events are freed in `cancel`, which deinit calls: they never outlive this object.
        let context = Unmanaged.passUnretained(self).toOpaque()
        readEvent = event_new(loop.base, fd, Int16(EV_READ | EV_PERSIST), { _, _, context in
            Unmanaged<IOSource>.fromOpaque(context!).takeUnretainedValue().readable()
        }, context)
        writeEvent = event_new(loop.base, fd, Int16(EV_WRITE | EV_PERSIST), { _, _, context in
            Unmanaged<IOSource>.fromOpaque(context!).takeUnretainedValue().writable()
        }, context)
    }

    deinit { cancel() }

    /// For the events and for a simulation only.
    package func readable() { withExtendedLifetime(self) { onReadable?() } }
    package func writable() { withExtendedLifetime(self) { onWritable?() } }

    package func setReading(_ on: Bool) {
        guard on != isReading, onReadable != nil else { return }
        isReading = on
        guard let readEvent else { return }
        if on { event_add(readEvent, nil) } else { event_del(readEvent) }
    }

    package func setWriting(_ on: Bool) {
        guard on != isWriting, onWritable != nil else { return }
        isWriting = on
        guard let writeEvent else { return }
        if on { event_add(writeEvent, nil) } else { event_del(writeEvent) }
    }

    /// Stops for good and lets go of the callbacks. Call it before the descriptor is closed.
    package func cancel() {
        if let ticket { loop.simulation?.unwatch(ticket) }
        ticket = nil
        for event in [readEvent, writeEvent] where event != nil { event_free(event) }
        readEvent = nil
        writeEvent = nil
        isReading = false
        isWriting = false
        onReadable = nil
        onWritable = nil
    }
}
