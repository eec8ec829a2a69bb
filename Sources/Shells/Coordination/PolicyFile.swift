internal import Ambience
package import Leasing
package import Placement
package import Prices

/// Policies and prices in JSON files.
package enum PolicyFile {
    package static func load(_ path: String) throws(CoordinationError) -> FleetPolicy { try load(path, parse) }

    package static func parse(_ bytes: [UInt8]) throws(PolicyFault) -> FleetPolicy { try StrictJSON.parse(FleetPolicy.self, bytes) }

    /// A placement policy and the catalogue that it names, which lies where its path leads from the policy's own folder.
    package static func placement(_ path: String) throws(CoordinationError) -> (policy: PlacementPolicy, catalogue: Catalogue) {
        let policy = try load(path) { bytes throws(PolicyFault) in try StrictJSON.parse(PlacementPolicy.self, bytes) }
        do throws(PlacementFault) { try policy.validate() } catch { throw CoordinationError(.badData, "\(path): \(error)") }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        return (policy, try catalogue(policy.catalogue.hasPrefix("/") ? policy.catalogue : folder + policy.catalogue))
    }

    package static func catalogue(_ path: String) throws(CoordinationError) -> Catalogue {
        let catalogue = try load(path) { bytes throws(PolicyFault) in try StrictJSON.parse(Catalogue.self, bytes) }
        do throws(CatalogueFault) { try catalogue.validate() } catch { throw CoordinationError(.badData, "\(path): \(error)") }
        return catalogue
    }

    private static func load<Value>(_ path: String, _ parse: ([UInt8]) throws(PolicyFault) -> Value) throws(CoordinationError) -> Value {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try Files.read(path) } catch { throw CoordinationError(.notFound, "\(error)") }
        do throws(PolicyFault) { return try parse(bytes) } catch { throw CoordinationError(.badData, "\(path): \(error)") }
    }
}
