package import Torrc

/// Where a node's configuration comes from, and how it is read again.
package struct TorrcSource {
    /// The torrc, when it is a file.
    package let path: String?
    package let defaultsPath: String?
    /// Reads defaults, torrc and command line; a text given stands for the torrc.
    package let read: (_ text: String?) throws(TorrcError) -> Torrc.Reading
    /// The places to log to, given the Log lines.
    package let logs: ([LogLine]) -> [LogLine]

    package init(
        path: String?, defaultsPath: String?, read: @escaping (_ text: String?) throws(TorrcError) -> Torrc.Reading, logs: @escaping ([LogLine]) -> [LogLine]
    ) {
        self.path = path
        self.defaultsPath = defaultsPath
        self.read = read
        self.logs = logs
    }
}
