import Foundation

/// A change to the files of a model directory.
struct DirectoryEdit: Sendable {
    let apply: @Sendable (URL) throws -> Void

    /// Replaces strings in config.json; each must be there.
    static func configuration(_ replacements: [(old: String, new: String)]) -> DirectoryEdit {
        DirectoryEdit { directory in
            let url = directory.appending(path: "config.json")
            var text = try String(contentsOf: url, encoding: .utf8)
            for (old, new) in replacements {
                guard text.contains(old) else { throw CocoaError(.fileReadCorruptFile) }
                text = text.replacingOccurrences(of: old, with: new)
            }
            try Data(text.utf8).write(to: url)
        }
    }

    /// A cross-encoder: the classifier with one output that a multiple-choice checkpoint has.
    static let crossEncoder = configuration([
        ("BiGSForMultipleChoice", "BiGSForSequenceClassification"),
        ("\"decode\": false", "\"decode\": false, \"id2label\": {\"0\": \"LABEL_0\"}"),
    ])

    /// Labels that do not exclude each other.
    static let multiLabel = configuration([
        ("\"decode\": false", "\"decode\": false, \"problem_type\": \"multi_label_classification\"")
    ])

    /// A checkpoint whose weights have no pooler.
    static let withoutPooler = DirectoryEdit { directory in
        let url = directory.appending(path: "model.safetensors")
        let file = try Data(contentsOf: url)
        let length = file.prefix(8).enumerated().reduce(0) {
            $0 | Int($1.element) << (8 * $1.offset)
        }
        let header = try JSONSerialization.jsonObject(with: file.dropFirst(8).prefix(length))
        guard var tensors = header as? [String: Any] else { throw CocoaError(.fileReadCorruptFile) }
        let body = Data(file.dropFirst(8 + length))
        var kept = Data()
        for name in tensors.keys.sorted() {
            guard var tensor = tensors[name] as? [String: Any],
                let offsets = tensor["data_offsets"] as? [Int]
            else { continue }
            if name.contains("pooler") {
                tensors[name] = nil
                continue
            }
            tensor["data_offsets"] = [kept.count, kept.count + offsets[1] - offsets[0]]
            tensors[name] = tensor
            kept += body[offsets[0]..<offsets[1]]
        }
        let json = try JSONSerialization.data(withJSONObject: tensors)
        let size = (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) }
        try (Data(size) + json + kept).write(to: url)
    }

    /// sentence-transformers' prompts.
    static func prompts(_ json: String) -> DirectoryEdit {
        DirectoryEdit { directory in
            try Data(json.utf8).write(
                to: directory.appending(path: "config_sentence_transformers.json"))
        }
    }
}
