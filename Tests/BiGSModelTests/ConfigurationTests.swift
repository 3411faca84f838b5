import BiGSModel
import Foundation
import Testing

/// config.json: defaults, and one clear error for each way to be wrong.
@Suite struct ConfigurationTests {
    private static let minimal: [String: String] = [
        "vocab_size": "50", "hidden_size": "16", "intermediate_size": "24",
        "num_hidden_layers": "2", "num_ssm": "8", "max_position_embeddings": "32",
    ]

    /// The configuration with some fields replaced by raw JSON; nil takes a field out.
    private func parse(_ changes: [String: String?] = [:]) throws -> BiGSConfiguration {
        var fields = Self.minimal
        for (name, value) in changes { fields[name] = value }
        let body = fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        return try BiGSConfiguration(json: Data("{\(body.joined(separator: ", "))}".utf8))
    }

    @Test func allThatIsWrongIsFound() {
        let fields = #"""
            {"vocab_size": "x", "hidden_size": 16, "num_hidden_layers": 0, "num_ssm": 8,
             "max_position_embeddings": 32, "pad_token_id": -1, "layer_norm_eps": 2,
             "padding": "left", "id2label": ["a"]}
            """#
        #expect(
            BiGSConfiguration.problems(in: Data(fields.utf8)).map { "\($0)" } == [
                "vocab_size is a string, not an integer", "intermediate_size is missing",
                "num_hidden_layers is 0, allowed is 1 to 1024",
                "layer_norm_eps is 2.0, allowed is 0.0 to 1.0",
                "pad_token_id is -1, allowed is 0 to 16777215",
                #"padding is "left", allowed is "none" or "max-length""#,
                "id2label is an array, not an object",
            ])
        #expect(BiGSConfiguration.problems(in: Data("[]".utf8)) == [.notAnObject])
    }

    @Test func anotherArchitectureIsNamedFirst() {
        #expect(
            problem(["num_ssm": nil, "model_type": #""bert""#, "vocab_size": nil])
                == .otherModel(type: "bert"))
        #expect(problem(["num_ssm": nil, "model_type": #""BiGS""#]) == .missing(field: "num_ssm"))
        #expect(problem(["model_type": #""bert""#]) == nil)
    }

    private func problem(_ changes: [String: String?]) -> ConfigurationError? {
        do {
            _ = try parse(changes)
            return nil
        } catch {
            guard case .some(.configuration(let reason)) = error as? ModelError else { return nil }
            return reason
        }
    }

    @Test func defaults() throws {
        let configuration = try parse()
        #expect(configuration.typeVocabularySize == 2)
        #expect(configuration.layerNormEpsilon == 1e-12)
        #expect(configuration.preNorm && configuration.tieWordEmbeddings)
        #expect(configuration.poolerType == .maskedMean)
        #expect(configuration.hiddenActivation == "gelu")
        #expect(configuration.positionEmbeddingType == "absolute")
        #expect(configuration.labels == ["LABEL_0", "LABEL_1"])
        #expect(configuration.padding == nil && configuration.problemType == nil)
        #expect(configuration.head == .none)
    }

    @Test func fields() throws {
        let configuration = try parse([
            "architectures": #"["FlaxBiGSForTokenClassification"]"#, "padding": #""max-length""#,
            "id2label": #"{"0": "a", "2": "c", "1": "b", "10": "k", "3": "d", "4": "e", "5": "f", "#
                + #""6": "g", "7": "h", "8": "i", "9": "j"}"#,
            "pooler_type": #""mean""#, "pre_norm": "false", "classifier_dropout": "null",
            "layer_norm_eps": "1e-5", "problem_type": #""regression""#,
        ])
        #expect(configuration.head == .tokenClassification)
        #expect(configuration.padding == .maxLength)
        #expect(configuration.labels == "abcdefghijk".map(String.init))
        #expect(configuration.poolerType == .mean && !configuration.preNorm)
        #expect(configuration.layerNormEpsilon == 1e-5)
        #expect(configuration.problemType == "regression")
    }

    @Test(arguments: minimal.keys.sorted()) func sizesAreRequiredAndPositive(_ field: String) {
        #expect(problem([field: nil]) == .missing(field: field))
        #expect(problem([field: "null"]) == .missing(field: field))
        #expect(
            problem([field: #""12""#])
                == .wrongType(field: field, expected: "an integer", got: "a string"))
        #expect(
            problem([field: "true"])
                == .wrongType(field: field, expected: "an integer", got: "a boolean"))
        for value in ["0", "-5", "9223372036854775807", "12.5", "1e300"] {
            guard case .outOfRange(field, _, _) = problem([field: value]) else {
                Issue.record(
                    "\(field) = \(value) gave \(String(describing: problem([field: value])))")
                continue
            }
        }
    }

    @Test func wrongFields() {
        #expect(
            problem(["padding": #""left""#])
                == .unknownValue(
                    field: "padding", value: "left", allowed: "\"none\" or \"max-length\""))
        #expect(
            problem(["id2label": #"{"0": "a", "2": "b"}"#])
                == .missing(field: #"id2label["1"]"#))
        #expect(
            problem(["id2label": #"{"0": 7}"#])
                == .wrongType(field: #"id2label["0"]"#, expected: "a string", got: "an integer"))
        #expect(
            problem(["pad_token_id": "50"])
                == .outOfRange(field: "pad_token_id", value: "50", allowed: "0 to 49"))
        #expect(
            problem(["pre_norm": "1"])
                == .wrongType(field: "pre_norm", expected: "a boolean", got: "an integer"))
        #expect(
            problem(["architectures": #""BiGSModel""#])
                == .wrongType(
                    field: "architectures", expected: "an array of strings", got: "a string"))
    }

    @Test(arguments: ["", "{", "nul", "{\"a\": NaN}", String(repeating: "[", count: 100_000)])
    func notJSON(_ text: String) {
        #expect {
            _ = try BiGSConfiguration(json: Data(text.utf8))
        } throws: { error in
            guard case .some(.configuration(.notJSON)) = error as? ModelError else { return false }
            return true
        }
    }

    @Test(.timeLimit(.minutes(1))) func nestingCostsNothing() {
        for text in ["[", #"{"a":"#, #"{"a":["#] {
            let deep = String(repeating: text, count: 16_384)
            guard case .notJSON(let detail) = problem(["x": deep]) else {
                Issue.record("was not refused")
                return
            }
            #expect(detail.contains("nested deeper"))
        }
    }

    @Test func textIsShownWithoutControlCharacters() throws {
        let error = try #require(problem(["padding": #""\u001b[2J""#]))
        #expect(error.description.contains(#"padding is "\u{1b}[2J""#))
    }

    @Test func notAnObject() {
        #expect {
            _ = try BiGSConfiguration(json: Data("[1]".utf8))
        } throws: { error in
            guard case .some(.configuration(.notAnObject)) = error as? ModelError else {
                return false
            }
            return true
        }
    }
}
