import BiGSModel
import Kernels
import TestSupport
import Testing

/// What bfloat16 and 8 bits may cost, against float32 on the reference's own models, and what they must
/// not: a text's bits still depend on nothing but the text. Types that this processor has no
/// instructions for run as float32, and pass all the same.
@Suite struct DtypeTests {
    private static let lower: [Precision] = [.bfloat16, .int8]

    @Test(arguments: lower, Golden.models.filter { ["t1", "t2", "t4"].contains($0.size) })
    func closeToFloat32(dtype: Precision, golden: GoldenModel) throws {
        let (exact, lower) = (try golden.load(), try golden.load(dtype: dtype))
        #expect(lower.dtype == dtype.resolved)
        var generator = SeededGenerator(seed: 17)
        for length in [3, 40, 128] {
            let batch = TokenBatch(
                sequences: [random(length, exact.configuration, &generator)])
            let outputs: OutputRequest = [.meanPooled, .poolerOutput, .lastHiddenState]
            let a = try exact.forward(
                batch, workspace: exact.makeWorkspace(tokenCapacity: length), outputs: outputs)
            let b = try lower.forward(
                batch, workspace: lower.makeWorkspace(tokenCapacity: length), outputs: outputs)
            let least = dtype == .bfloat16 ? 0.9995 : 0.995
            for (x, y) in zip(a.sequences, b.sequences) {
                #expect(cosine(x.meanPooled, y.meanPooled) >= least)
                if exact.hasPooler { #expect(cosine(x.poolerOutput, y.poolerOutput) >= least) }
                #expect(cosine(x.lastHiddenState, y.lastHiddenState) >= least)
            }
        }
    }

    @Test(arguments: lower)
    func theSameBitsInAnyBatch(dtype: Precision) throws {
        let configuration = BiGSConfiguration(
            vocabularySize: 500, hiddenSize: 192, intermediateSize: 320, layerCount: 2,
            stateSize: 8, maximumPositions: 700)
        let model = try BiGSModel.random(configuration: configuration, seed: 3, dtype: dtype)
        var generator = SeededGenerator(seed: 4)
        let texts = [1, 2, 63, 64, 65, 130, 257, 509, 700].map {
            random($0, configuration, &generator)
        }
        let total = texts.reduce(0) { $0 + $1.ids.count }
        let workspace = model.makeWorkspace(tokenCapacity: total)
        let together = try model.forward(
            TokenBatch(sequences: texts), workspace: workspace, outputs: [.lastHiddenState])
        for (index, text) in texts.enumerated() {
            let own = model.makeWorkspace(tokenCapacity: text.ids.count)
            let alone = try model.forward(
                TokenBatch(sequences: [text]), workspace: own, outputs: [.lastHiddenState])
            let (a, b) = (alone.sequences[0], together.sequences[index])
            #expect(
                a.lastHiddenState?.map(\.bitPattern) == b.lastHiddenState?.map(\.bitPattern),
                "\(text.ids.count) tokens")
        }
    }

    private func random(
        _ length: Int, _ configuration: BiGSConfiguration, _ generator: inout SeededGenerator
    ) -> TokenSequence {
        TokenSequence(
            ids: (0..<length).map { _ in
                Int32.random(in: 0..<Int32(configuration.vocabularySize), using: &generator)
            })
    }

    private func cosine(_ a: [Float]?, _ b: [Float]?) -> Double {
        guard let a, let b, a.count == b.count else { return .nan }
        func dot(_ x: [Float], _ y: [Float]) -> Double {
            zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }
}
