internal import Ambience
internal import Boxes
internal import Bytes

/// An item as it lies on disk.
///
///     32 bytes  the box
///     8         seconds since 1970: since when it is here
///     16 K      the item
struct ItemRecord {
    let address: BoxAddress
    let since: WallTime
    let item: BoxItem

    init(address: BoxAddress, since: WallTime, item: BoxItem) { (self.address, self.since, self.item) = (address, since, item) }

    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let key = try? reader.bytes(32), let address = BoxAddress(key: key), let seconds = try? reader.u64(), seconds < 1 << 40, let item = BoxItem(Array(reader.rest())) else { return nil }
        self.init(address: address, since: WallTime(secondsSinceEpoch: Int64(seconds)), item: item)
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 40 + BoxItem.bytesCount)
        writer.append(address.key)
        writer.u64(UInt64(max(0, since.secondsSinceEpoch)))
        writer.append(item.sealed)
        return writer.bytes
    }
}
