internal import CEvent

/// Readiness of one file descriptor, which the source does not own.
package final class IOSource {
    private let loop: EventLoop
    private var readEvent: OpaquePointer?
    private var writeEvent: OpaquePointer?
    private var onReadable: (() -> Void)?
    private var onWritable: (() -> Void)?
    package private(set) var isReading = false
    package private(set) var isWriting = false

    /// Nothing is watched until `reading` or `writing` is switched on.
    package init(loop: EventLoop, fd: Int32, onReadable: @escaping () -> Void, onWritable: @escaping () -> Void) {
        self.loop = loop
        self.onReadable = onReadable
        self.onWritable = onWritable
        // SAFETY: the events are freed in `cancel`, which deinit calls: they never outlive this object.
        let context = Unmanaged.passUnretained(self).toOpaque()
        readEvent = event_new(loop.base, fd, Int16(EV_READ | EV_PERSIST), { _, _, context in
            let source = Unmanaged<IOSource>.fromOpaque(context!).takeUnretainedValue()
            withExtendedLifetime(source) { source.onReadable?() }
        }, context)
        writeEvent = event_new(loop.base, fd, Int16(EV_WRITE | EV_PERSIST), { _, _, context in
            let source = Unmanaged<IOSource>.fromOpaque(context!).takeUnretainedValue()
            withExtendedLifetime(source) { source.onWritable?() }
        }, context)
    }

    deinit { cancel() }

    package func setReading(_ on: Bool) {
        guard on != isReading, let readEvent else { return }
        isReading = on
        if on { event_add(readEvent, nil) } else { event_del(readEvent) }
    }

    package func setWriting(_ on: Bool) {
        guard on != isWriting, let writeEvent else { return }
        isWriting = on
        if on { event_add(writeEvent, nil) } else { event_del(writeEvent) }
    }

    /// Stops for good and lets go of the callbacks. Call it before the descriptor is closed.
    package func cancel() {
        for event in [readEvent, writeEvent] where event != nil { event_free(event) }
        readEvent = nil
        writeEvent = nil
        isReading = false
        isWriting = false
        onReadable = nil
        onWritable = nil
    }
}
