import Learning
import Testing

@testable import Serving

@Suite struct HeadPredictionTests {
    private func head(_ kind: HeadKind, scale: Float) -> LinearHead {
        LinearHead(
            kind: kind, labels: ["a", "b"], dimensions: 2,
            weights: [scale, scale, -scale, scale], bias: [scale, 0])
    }

    /// A head's file may have any finite weights, and no answer may hold a NaN.
    @Test(arguments: HeadKind.allCases, [false, true])
    func scoresBeyondFloatAreAnError(kind: HeadKind, raw: Bool) throws {
        var question = HeadQuestion()
        question.raw = raw
        let whole = try question.answer(head(kind, scale: 1e37), vector: [1, 1], passages: nil)
        #expect(whole.labels.map(\.label) == ["a", "b"])
        func isRefused(_ vector: [Float], _ passages: [(range: Range<Int>, vector: [Float])]?)
            -> Bool
        {
            do throws(ServiceError) {
                _ = try question.answer(
                    head(kind, scale: 3e38), vector: vector, passages: passages, input: 7)
                return false
            } catch {
                guard case .notFinite(input: 7) = error else { return false }
                return true
            }
        }
        #expect(isRefused([1, 1], nil))
        #expect(!isRefused([-1, 0], [(0..<1, [-1, 0])]))
        #expect(isRefused([-1, 0], [(0..<1, [-1, 0]), (1..<2, [1, 1])]))
    }
}
