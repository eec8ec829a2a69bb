internal import Ambience
internal import Glibc

extension WallTime {
    /// How many seconds the operator's clocks are ahead of UTC at this moment.
    var zoneSeconds: Int64 {
        var seconds = time_t(secondsSinceEpoch)
        var fields = tm()
        localtime_r(&seconds, &fields)
        return Int64(fields.tm_gmtoff)
    }

    /// What they show then.
    var local: WallTime { self + zoneSeconds }
}
