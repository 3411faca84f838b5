import Testing

@testable import Serving

struct PassageAllowanceTests {
    /// What one request's passages come to is counted over all of them, to the last one allowed.
    @Test(arguments: [
        (1 << 14, 0..<1, 1, 1 << 10), (1 << 10, 0..<1, 1 << 12, 4), (1 << 10, 0..<1 << 15, 1, 4),
    ])
    func isSpentByManySmallTakings(
        count: Int, range: Range<Int>, tokens: Int, size: Int
    ) throws(ServiceError) {
        var allowance = PassageAllowance(field: "chunk")
        let part = count / 4
        for _ in 0..<4 {
            try allowance.take(
                Array(repeating: range, count: part),
                tokens: Array(repeating: tokens, count: part), size: size, keepsEmpty: false)
            // What truncation cut away is no passage.
            try allowance.take(
                Array(repeating: range, count: part), tokens: Array(repeating: 0, count: part),
                size: size, keepsEmpty: false)
        }
        let error = #expect(throws: ServiceError.self) {
            try allowance.take([range], tokens: [tokens], size: size, keepsEmpty: true)
        }
        guard case .unsupported(field: "chunk", _) = error else {
            Issue.record("refused by another name: \(String(describing: error))")
            return
        }
    }
}
