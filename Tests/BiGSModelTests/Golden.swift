import BiGSModel
import Checkpoints
import Foundation
import Kernels
import TestSupport
import Testing

/// One model of the golden vectors in one format, and the folder it is compared with.
struct GoldenModel: Sendable, CustomTestStringConvertible {
    /// "t0" … "t5".
    let size: String
    /// The reference's name of the head: the folder's name, and part of the names of the results.
    let head: String
    let format: String

    var testDescription: String { "\(size)/\(head)/\(format)" }
    var folder: URL { Golden.root.appending(path: "\(size)/\(head)/\(format)") }

    func load(dtype: Precision = .float32) throws -> BiGSModel {
        try BiGSModel.load(Checkpoint(directory: folder), options: ModelOptions(dtype: dtype))
    }
}

/// The golden vectors: those of this package, or a whole set of them at `BIGS_GOLDENS`.
enum Golden {
    static let root: URL =
        ProcessInfo.processInfo.environment["BIGS_GOLDENS"].map {
            URL(filePath: $0, directoryHint: .isDirectory)
        } ?? Fixtures.url("goldens")

    /// Every model of every size, head and format that is there.
    static let models: [GoldenModel] = folders(in: root).filter { $0.hasPrefix("t") }
        .flatMap { size in
            folders(in: root.appending(path: size)).filter { $0 != "formats" }
                .flatMap { head in
                    folders(in: root.appending(path: "\(size)/\(head)")).map {
                        GoldenModel(size: size, head: head, format: $0)
                    }
                }
        }
        .filter { FileManager.default.fileExists(atPath: $0.folder.path + "/config.json") }

    /// The names of the variants in t0/formats.
    static let formats: [String] = folders(in: root.appending(path: "t0/formats"))

    private static func folders(in url: URL) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: url.path)
        return (names ?? []).sorted().filter { name in
            var isFolder: ObjCBool = false
            let path = url.appending(path: name).path
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }
}

/// The tensors of one safetensors file of inputs or results.
struct GoldenFile {
    let tensors: [String: TensorView]

    init(_ path: String) throws {
        let url = Golden.root.appending(path: path)
        tensors = try SafetensorsFile(url: url).tensors
    }

    func integers(_ name: String) throws -> [Int32]? {
        try tensors[name]?.integers().map(Int32.init)
    }

    func floats(_ name: String) throws -> [Float]? { try tensors[name]?.floats() }

    /// The names of the cases, in order.
    var cases: [String] {
        tensors.keys.filter { $0.hasSuffix(".input_ids") }.map { String($0.dropLast(10)) }.sorted()
    }

    /// The sequences of a case, [B, L] or [B, choices, L], flattened to one list.
    func batch(_ name: String) throws -> TokenBatch {
        guard let ids = try integers("\(name).input_ids"),
            let length = tensors["\(name).input_ids"]?.shape.last
        else { throw GoldenError.missing("\(name).input_ids") }
        let types = try integers("\(name).token_type_ids")
        let mask = try integers("\(name).attention_mask")
        let positions = try integers("\(name).position_ids")
        return TokenBatch(
            sequences: stride(from: 0, to: ids.count, by: length).map { start in
                let range = start..<start + length
                return TokenSequence(
                    ids: Array(ids[range]), typeIDs: types.map { Array($0[range]) },
                    attentionMask: mask.map { Array($0[range]) },
                    positionIDs: positions.map { Array($0[range]) })
            })
    }
}

enum GoldenError: Error { case missing(String) }

/// The largest difference of two lists; NaN matches NaN alone, and infinity stands for a mismatch.
func maximumDifference(_ got: [Float], _ expected: [Float]) -> Float {
    guard got.count == expected.count else { return .infinity }
    var maximum: Float = 0
    for (a, b) in zip(got, expected) {
        if a.isNaN && b.isNaN { continue }
        let difference = abs(a - b)
        maximum = difference.isNaN ? .infinity : max(maximum, difference)
    }
    return maximum
}

/// How far float32 may be from the reference's results in float64: some times what the reference's own
/// float32 is.
struct Tolerance {
    let logits: Float
    let pooled: Float
    let hidden: Float
    let maskedLM: Float

    init(size: String) {
        // t2 has modes without damping, where float32 itself is worse.
        self =
            size == "t2"
            ? Tolerance(logits: 3e-5, pooled: 6e-5, hidden: 1e-3, maskedLM: 4e-3)
            : Tolerance(logits: 2e-6, pooled: 5e-6, hidden: 5e-5, maskedLM: 3e-4)
    }

    private init(logits: Float, pooled: Float, hidden: Float, maskedLM: Float) {
        self.logits = logits
        self.pooled = pooled
        self.hidden = hidden
        self.maskedLM = maskedLM
    }

    /// The tolerance for the result `name` ("Head.logits", "pooler_output", …).
    func of(_ name: String) -> Float {
        if name.hasPrefix("MaskedLM") { return maskedLM }
        if name.hasPrefix("SequenceClassification") || name.hasPrefix("MultipleChoice") {
            return logits
        }
        // Scores per token are linear in the hidden states and as large.
        return name == "pooler_output" ? pooled : hidden
    }
}
