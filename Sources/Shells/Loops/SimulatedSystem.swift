package import Ambience

/// What a simulated network puts in the place of clock, timers, readiness and outgoing connections: a loop that has one asks it
/// instead of the system. Whatever runs on the loop cannot tell.
///
/// Descriptors stay real, ends of socket pairs for instance, so that bytes are read, written and closed as ever; what the simulation
/// decides is when somebody hears of them. See Tests/Simulation.
package protocol SimulatedSystem: AnyObject {
    var now: Instant { get }
    var wall: WallTime { get }

    /// Runs the timers and readiness callbacks that are due on this loop.
    func deliver(to loop: EventLoop)

    /// Calls `timer.fire` after `span`, again and again if it repeats. The simulation keeps the timer alive until then or `stop`.
    func start(_ timer: Timer, after span: Instant.Span)
    func stop(_ timer: Timer)

    /// Calls `source.readable` and `source.writable` when its descriptor is ready and the source wants to hear of it. The source must not
    /// be kept alive. The number returned goes into `unwatch`.
    func watch(_ source: IOSource) -> Int
    func unwatch(_ ticket: Int)

    /// A descriptor that becomes writable once the connection stands.
    func dial(_ address: SocketAddress, from loop: EventLoop) throws(FileError) -> Int32
}
