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

    /// sentence-transformers' prompts.
    static func prompts(_ json: String) -> DirectoryEdit {
        DirectoryEdit { directory in
            try Data(json.utf8).write(
                to: directory.appending(path: "config_sentence_transformers.json"))
        }
    }
}
