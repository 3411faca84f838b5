import Checkpoints
import Foundation
import Learning
import TestSupport

/// A data set and what scikit-learn made of it (`make_fixtures.py`).
struct ReferenceData {
    static let names = ["three", "weak", "strong"]

    struct Facts: Decodable {
        let classes: Int
        let c: Double
        let accuracy: Double
        let macroF1: Double
        let logLoss: Double
        let subsetAccuracy: Double
        let flagMacroF1: Double
    }

    let facts: Facts
    private let tensors: [String: TensorView]

    init(_ name: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let all = try decoder.decode(
            [String: Facts].self, from: Data(contentsOf: Fixtures.url("learning/facts.json")))
        guard let facts = all[name] else { throw CocoaError(.fileReadCorruptFile) }
        self.facts = facts
        tensors = try SafetensorsFile(url: Fixtures.url("learning/\(name).safetensors")).tensors
    }

    func floats(_ name: String) throws -> [Float] { try tensors[name]?.floats() ?? [] }

    private func integers(_ name: String) throws -> [Int] {
        try tensors[name]?.integers().map { Int($0) } ?? []
    }

    /// The rows, with one label each (softmax) or any number (sigmoid).
    func set(_ kind: HeadKind) throws -> TrainingSet {
        let vectors = try floats("vectors")
        let classes = facts.classes
        let targets: [[Int]]
        switch kind {
        case .softmax: targets = try integers("labels").map { [$0] }
        case .sigmoid:
            let flags = try integers("flags")
            targets = (0..<flags.count / classes).map { row in
                (0..<classes).filter { flags[row * classes + $0] != 0 }
            }
        }
        return try TrainingSet(
            kind: kind, labels: (0..<classes).map { "class \($0)" },
            dimensions: vectors.count / targets.count, vectors: vectors, targets: targets)
    }
}

/// Rows around a centre for each class, far enough apart to be told by a line.
func separableSet(
    rows: Int, dimensions: Int, classes: Int, seed: UInt64, noise: Float = 0.05
) throws -> TrainingSet {
    var generator = SeededGenerator(seed: seed)
    let centres = (0..<classes).map { _ in generator.floats(dimensions) }
    var vectors: [Float] = []
    var targets: [[Int]] = []
    for row in 0..<rows {
        let label = row % classes
        vectors += zip(centres[label], generator.floats(dimensions)).map { $0 + noise * $1 }
        targets.append([label])
    }
    return try TrainingSet(
        kind: .softmax, labels: (0..<classes).map { "c\($0)" }, dimensions: dimensions,
        vectors: vectors, targets: targets)
}
