internal import Kernels

/// Word, token type and position embeddings, summed in this order and normalised.
///
/// `@unchecked Sendable`: the tables are private, filled by `init` and only read afterwards.
final class BiGSEmbeddings: @unchecked Sendable {
    private let words: Matrix  //      [vocabulary, H]
    private let types: Matrix  //      [types, H]
    private let positions: Matrix?  // [positions, H]; nil where the model adds none
    private let norm: LayerNorm

    init(
        _ source: ParameterSource, _ configuration: BiGSConfiguration, addsPositions: Bool
    ) throws(ModelError) {
        let hidden = configuration.hiddenSize
        func table(_ name: String) throws(ModelError) -> Matrix {
            Matrix(try source.values("embeddings.\(name)_embeddings.weight"), columns: hidden)
        }
        words = try table("word")
        types = try table("token_type")
        positions = addsPositions ? try table("position") : nil
        norm = try source.norm(
            "embeddings.LayerNorm", epsilon: configuration.layerNormEpsilon)
    }

    /// Writes the rows of all texts, one after the other, to `w.h` [T, H]. Every id must be inside
    /// its table.
    func apply(_ batch: TokenBatch, _ w: ModelWorkspace) {
        for numbers in [w.ids, w.typeIDs, w.positionIDs] { numbers.removeAll() }
        for sequence in batch.sequences {
            let count = sequence.ids.count
            w.ids.append(sequence.ids)
            if let typeIDs = sequence.typeIDs {
                w.typeIDs.append(typeIDs)
            } else {
                w.typeIDs.append(zeros: count)
            }
            if let positionIDs = sequence.positionIDs {
                w.positionIDs.append(positionIDs)
            } else {
                w.positionIDs.append(upTo: count)
            }
        }
        var lookups = [
            Elementwise.Lookup(table: words, rows: w.ids),
            Elementwise.Lookup(table: types, rows: w.typeIDs),
        ]
        if let positions { lookups.append(.init(table: positions, rows: w.positionIDs)) }
        Elementwise.gatherSum(lookups, into: w.h, norm: norm)
    }
}
