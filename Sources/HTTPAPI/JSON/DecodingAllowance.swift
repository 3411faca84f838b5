import Serving
import Synchronization

/// What decoding a body may take: memory of a budget, and time as long as somebody waits.
///
/// A short text may ask for much of both, `[["a"],["a"],…`, and limits of routes are looked at only when
/// it is decoded.
final class DecodingAllowance: Sendable {
    private let share: SharedBudget.Share
    /// What is taken of the same budget already, by the body itself.
    private let bodyBytes: Int
    private let isLeft: @Sendable () -> Bool
    private let spent = Atomic(0)
    /// What may be spent before the budget is asked again.
    private let granted = Atomic(DecodingAllowance.step)
    private let refused = Mutex<APIError?>(nil)

    /// What is asked for at once. The first is free: most bodies need no more.
    private static let step = 1 << 16

    /// - Parameters:
    ///   - share: what the memory is taken of.
    ///   - bodyBytes: what the body takes of it, which is counted elsewhere.
    init(
        of share: SharedBudget.Share, bodyBytes: Int, isLeft: @escaping @Sendable () -> Bool
    ) {
        self.share = share
        self.bodyBytes = bodyBytes
        self.isLeft = isLeft
    }

    /// Why decoding ended, whatever was made of the error on its way.
    var refusal: APIError? { refused.withLock { $0 } }

    /// Counts so many bytes more; throws where there is no room for them, or nobody waits any more.
    func spend(_ bytes: Int) throws {
        let total = spent.wrappingAdd(bytes, ordering: .relaxed).newValue
        while total > granted.load(ordering: .relaxed) { try ask() }
    }

    private func ask() throws {
        let reason =
            isLeft()
            ? .service(.cancelled)
            : share.refusal(ofTaking: Self.step, besideBody: bodyBytes, called: "body")
        if let reason {
            refused.withLock { $0 = reason }
            throw reason
        }
        granted.wrappingAdd(Self.step, ordering: .relaxed)
    }
}
