import COpenSSL
import Glibc
import Testing

@Suite("OpenSSL's small blocks")
struct TLSMemoryTests {
    @Test("are aligned, apart from each other, and keep their bytes when they grow")
    func growth() {
        let sizes = [1, 40, 64, 65, 4096]
        let blocks = sizes.map { size in dc_crypto_malloc(size, nil, 0)! }
        for (index, block) in blocks.enumerated() { memset(block, Int32(index + 1), sizes[index]) }
        #expect(blocks.allSatisfy { UInt(bitPattern: $0) % 16 == 0 })
        for (index, block) in blocks.enumerated() {
            let grown = dc_crypto_realloc(block, sizes[index] + 100, nil, 0)!
            #expect(UnsafeRawBufferPointer(start: grown, count: sizes[index]).allSatisfy { $0 == UInt8(index + 1) })
            dc_crypto_free(grown, nil, 0)
        }
    }

    @Test("come back to who gave them, and more than are kept go to the system")
    func reuse() {
        let first = dc_crypto_malloc(40, nil, 0)!
        dc_crypto_free(first, nil, 0)
        #expect(dc_crypto_malloc(64, nil, 0) == first)
        dc_crypto_free(first, nil, 0)
        let many = (0..<100).map { _ in dc_crypto_malloc(64, nil, 0)! }
        #expect(Set(many).count == many.count)
        for block in many { dc_crypto_free(block, nil, 0) }
        #expect(dc_kept().pointee.count == DC_KEPT_BLOCKS)
    }

    @Test("are none for nothing, and none for more than there can be")
    func edges() {
        #expect(dc_crypto_malloc(0, nil, 0) == nil && dc_crypto_malloc(Int(bitPattern: UInt.max), nil, 0) == nil)
        #expect(dc_crypto_realloc(dc_crypto_malloc(8, nil, 0), 0, nil, 0) == nil)
        dc_crypto_free(nil, nil, 0)
    }
}
