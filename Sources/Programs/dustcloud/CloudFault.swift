internal import CloudCalls
internal import Clouds
internal import Coordination

/// Sorts what went wrong at a provider by what the caller can do about it.
enum CloudFault {
    static func sorted<T>(_ work: () throws -> T) throws -> T {
        do { return try work() } catch let error as CloudError {
            throw CoordinationError(.configuration, "\(error)")
        } catch let failure as CallFailure {
            throw CoordinationError(failure.kind, "\(failure)")
        }
    }
}

extension CallFailure {
    var kind: CoordinationError.Kind {
        switch self {
        case .credentials: .noPermission
        case .invalid: .badData
        case .later, .unreachable, .quota, .capacity, .unknown: .unavailable
        }
    }
}
