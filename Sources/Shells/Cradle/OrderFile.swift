internal import Ambience
internal import Enrolment

/// Where a machine finds its order: in what QEMU hands over, or in a file beside `/init` that was added to the initramfs for this machine.
enum OrderFile {
    private static let firmware = "/sys/firmware/qemu_fw_cfg/by_name/opt/dustcloud/order/raw"
    private static let added = "/order"

    /// The text; a file is removed, for it may hold a secret.
    static func read() throws(CradleFailure) -> [UInt8] {
        for path in [firmware, added] {
            do throws(FileError) {
                let text = try Files.read(path)
                if path == added { try Files.remove(path) }
                return text
            } catch {
                guard error.isMissing else { throw CradleFailure("the order cannot be read: \(error)") }
            }
        }
        throw CradleFailure("there is no order: neither the firmware's file opt/dustcloud/order nor \(added) in the initramfs")
    }

    static func parse(_ text: [UInt8]) throws(CradleFailure) -> BootOrder {
        do throws(OrderFault) { return try BootOrder(text) } catch { throw CradleFailure("the order cannot be followed: \(error)") }
    }
}
