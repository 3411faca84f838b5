import BiGSModel
import Checkpoints
import TestSupport
import Testing

@Suite struct ScoredRowTests {
    /// Scores of some rows are the same bits as those rows of all scores.
    @Test(arguments: ["t1/MaskedLM/torch-safetensors", "t1/TokenClassification/torch-safetensors"])
    func scoresOfChosenRows(golden: String) throws {
        let model = try BiGSModel.load(Checkpoint(directory: Fixtures.url("goldens/\(golden)")))
        let workspace = model.makeWorkspace(tokenCapacity: 64)
        let ids = (0..<40).map { Int32($0 * 5 % 200) }
        func run(_ rows: [Int]?) throws -> SequenceOutput {
            try model.forward(
                TokenBatch(sequences: [
                    TokenSequence(ids: [1, 2, 3]), TokenSequence(ids: ids, scoredRows: rows),
                ]), workspace: workspace, outputs: .logits
            ).sequences[1]
        }
        let all = try run(nil)
        let width = try #require(all.logitsShape)[1]
        let logits = try #require(all.logits)
        let chosen = try run([7, 0, 39])
        #expect(chosen.logitsShape == [3, width])
        var expected: [Float] = []
        for row in [7, 0, 39] { expected += logits[row * width..<(row + 1) * width] }
        #expect(chosen.logits == expected)
        #expect(try run([]).logits == [])
        #expect(throws: ModelError.self) { try run([40]) }
        #expect(throws: ModelError.self) { try run([-1]) }
    }
}
