internal import Ambience

/// Where a machine finds its order: in what QEMU hands over, or in a file beside `/init` that was added to the image when it was started.
enum OrderSource {
    private static let firmware = "/sys/firmware/qemu_fw_cfg/by_name/opt/dustcloud/order/raw"
    private static let file = "/order"

    static func read() throws(CradleFailure) -> [UInt8] {
        for path in [firmware, file] {
            do throws(FileError) { return try Files.read(path) } catch {
                guard error.isMissing else { throw CradleFailure("the order cannot be read: \(error)") }
            }
        }
        throw CradleFailure("there is no order: neither the firmware file opt/dustcloud/order nor \(file)")
    }
}
