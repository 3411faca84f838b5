package import Foundation

/// Texts that are put before an input, by name: sentence-transformers' `prompts`.
package struct Prompts: Sendable, Equatable {
    /// The prompts by their names.
    package let byName: [String: String]
    /// The one that holds where a request names none (`default_prompt_name`).
    package let defaultName: String?

    /// No prompts.
    package static let none = Prompts(byName: [:], defaultName: nil)

    init(byName: [String: String], defaultName: String?) {
        self.byName = byName
        self.defaultName = defaultName
    }

    /// The prompt for inputs that no request named one for; nil is none, and an empty one is none.
    package var `default`: String? {
        defaultName.flatMap { byName[$0] }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What sentence-transformers wrote into `config_sentence_transformers.json`; `none` when there is
    /// no such file. Throws `ModelLoadingError.badFile`.
    package static func configured(in directory: URL) throws(ModelLoadingError) -> Prompts {
        struct File: Decodable {
            var prompts: [String: String?]?
            var defaultPromptName: String?

            // The prompts' own names must stay as they are, so no conversion of all keys.
            private enum CodingKeys: String, CodingKey {
                case prompts
                case defaultPromptName = "default_prompt_name"
            }
        }
        let path = "config_sentence_transformers.json"
        guard let file = try SidecarFile.read(File.self, path, in: directory) else { return .none }
        let prompts = (file.prompts ?? [:]).compactMapValues { $0 }
        if let name = file.defaultPromptName, prompts[name] == nil {
            throw .badFile(
                path: directory.appending(path: path).path,
                reason: "default_prompt_name \"\(name)\" is not among the prompts")
        }
        return Prompts(byName: prompts, defaultName: file.defaultPromptName)
    }
}
