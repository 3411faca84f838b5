import Foundation
import TestSupport
import Testing

@testable import Tokenization

/// Files as they should be, as they may be, and as an enemy would write them.
struct TokenizerFileTests {
    /// Writes files into a new directory, which is removed after `body`.
    static func directory<R>(_ files: [String: [UInt8]], _ body: (URL) throws -> R) throws -> R {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "bigs-tokenizer-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        for (name, bytes) in files { try Data(bytes).write(to: url.appending(path: name)) }
        return try body(url)
    }

    /// The error of loading a directory with these files.
    static func error(_ files: [String: String]) throws -> TokenizerError? {
        try error(bytes: files.mapValues { Array($0.utf8) })
    }

    static func error(bytes: [String: [UInt8]]) throws -> TokenizerError? {
        try directory(bytes) { url in
            do throws(TokenizerError) {
                _ = try Tokenizer(directory: url)
                return nil
            } catch {
                #expect(!error.description.isEmpty)
                return error
            }
        }
    }

    static let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"

    /// A small `tokenizer.json`, with one part of its text replaced.
    static func json(_ part: String = "", by replacement: String = "") -> [String: String] {
        let text = """
            {"added_tokens": [{"id": 0, "content": "[PAD]", "special": true, "normalized": false}],
            "normalizer": {"type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
            "padding": {"strategy": {"Fixed": 12}, "direction": "Right", "pad_token": "[PAD]"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab":
            {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5, "##b": 6}}}
            """
        precondition(part.isEmpty || text.contains(part))
        return ["tokenizer.json": part.isEmpty ? text : text.replacing(part, with: replacement)]
    }

    @Test func bothFormsOfTheDefaultModelAgree() throws {
        let whole = try Tokenizer(directory: TokenizerFixtures.defaultModel)
        var files: [String: [UInt8]] = [:]
        for name in ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json"] {
            files[name] = [UInt8](
                try Data(contentsOf: TokenizerFixtures.defaultModel.appending(path: name)))
        }
        let parts = try Self.directory(files) { try Tokenizer(directory: $0) }
        #expect(whole.fingerprintData == parts.fingerprintData)
        #expect(whole.vocabularySize == 30522)
        #expect(whole.modelMaxLength == parts.modelMaxLength)
        #expect(whole.modelMaxLength == 4096)
        #expect(whole.fixedPaddingLength == nil)
        #expect(
            [whole.padID, whole.unknownID, whole.classifyID, whole.separatorID]
                == [0, 100, 101, 102])
        #expect(whole.maskID == 103)
        #expect(whole.isSpecial(103) && !whole.isSpecial(104))
        #expect(whole.token(2023) == "this" && whole.id(of: "this") == 2023)
        #expect(whole.token(30522) == nil && whole.token(-1) == nil && whole.id(of: "thi s") == nil)
    }

    @Test func fingerprintFollowsEverySwitch() throws {
        let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
        var prints: Set<[UInt8]> = []
        for bits in 0..<16 {
            let flags = NormalizerFlags(
                cleanText: bits & 1 != 0, handleChineseCharacters: bits & 2 != 0,
                stripAccents: bits & 4 != 0, lowercase: bits & 8 != 0)
            let definition = TokenizerFixtures.definition(tokens: tokens, flags: flags)
            prints.insert(try Tokenizer(definition).fingerprintData)
        }
        let more = TokenizerFixtures.definition(tokens: tokens + ["b"])
        prints.insert(try Tokenizer(more).fingerprintData)
        #expect(prints.count == 17)
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func linesEndAsPythonHasIt(ending: String) throws {
        let text = Self.vocabulary.replacing("\n", with: ending)
        try Self.directory(["vocab.txt": Array(text.utf8)]) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(tokenizer.vocabularySize == 7)
            #expect(try tokenizer.encode("AB c").ids == [2, 5, 6, 1, 3])
        }
    }

    @Test func configurationSetsSwitchesAndNames() throws {
        let files = [
            "vocab.txt": "<p>\n<u>\n<c>\n<s>\n<m>\nA\na\n##b\n[SEP]\n",
            "tokenizer_config.json": """
            {"do_lower_case": false, "pad_token": "<p>", "unk_token": {"content": "<u>"},
            "cls_token": "<c>", "sep_token": "<s>", "mask_token": "<m>",
            "model_max_length": 1000000000000000019884624838656,
            "additional_special_tokens": ["[SEP]"],
            "added_tokens_decoder": {"9": {"content": "<x>", "special": true}}}
            """,
        ]
        try Self.directory(files.mapValues { Array($0.utf8) }) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(tokenizer.modelMaxLength == nil)
            #expect(try tokenizer.encode("A a<m>b[SEP]<x>").ids == [2, 5, 6, 4, 1, 8, 9, 3])
            #expect(tokenizer.id(of: "<x>") == 9 && tokenizer.vocabularySize == 10)
        }
    }

    /// As `BertTokenizer.save_pretrained` wrote it before `added_tokens_decoder`.
    static let olderFiles = [
        "vocab.txt": vocabulary, "added_tokens.json": #"{"<y>": 8, "<x>": 7}"#,
        "special_tokens_map.json": #"{"additional_special_tokens": ["<x>", {"content": "<y>"}]}"#,
    ]

    @Test func addedTokensOfOlderFiles() throws {
        var files = Self.olderFiles
        files["tokenizer_config.json"] = #"{"additional_special_tokens": []}"#
        try Self.directory(files.mapValues { Array($0.utf8) }) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(try tokenizer.encode("a<x>b<y>").ids == [2, 5, 7, 1, 8, 3])
            #expect(tokenizer.isSpecial(7) && tokenizer.vocabularySize == 9)
        }
    }

    @Test func aNewerListStandsForTheOlderFiles() throws {
        var files = Self.olderFiles
        files["tokenizer_config.json"] = #"{"added_tokens_decoder": {}}"#
        try Self.directory(files.mapValues { Array($0.utf8) }) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(tokenizer.vocabularySize == 7)
        }
    }

    @Test func addedTokensThatCannotBeHonouredAreErrors() throws {
        func error(_ changes: [String: String]) throws -> TokenizerError? {
            try Self.error(Self.olderFiles.merging(changes) { $1 })
        }
        // Looked for in the normalised text, as it has no role.
        guard
            case .unsupported(_, #"added token "<y>""#, "normalized: true") =
                try error(["special_tokens_map.json": #"{"additional_special_tokens": ["<x>"]}"#])
        else {
            Issue.record("an added token without a role")
            return
        }
        // Hugging Face would number it otherwise.
        guard
            case .wrongIdentifier(_, "<y>", 9) =
                try error(["added_tokens.json": #"{"<x>": 7, "<y>": 9}"#])
        else {
            Issue.record("an identifier with a gap before it")
            return
        }
        guard case .wrongField = try error(["added_tokens.json": #"{"<x>": "7"}"#]) else {
            Issue.record("an identifier that is no number")
            return
        }
    }

    /// In `tokenizer.json` mode and without it.
    @Test(arguments: [json(), ["vocab.txt": vocabulary]])
    func configuredTokensAreAddedTokens(files: [String: String]) throws {
        func with(_ configuration: String) -> [String: String] {
            files.merging(["tokenizer_config.json": configuration]) { $1 }
        }
        let known = #"{"mask_token": "[MASK]", "bos_token": null, "eos_token": "a"}"#
        try Self.directory(with(known).mapValues { Array($0.utf8) }) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(try tokenizer.encode("[MASK]ab").ids == [2, 4, 5, 1, 3])
        }
        for (field, role) in [
            (#""mask_token": "<x>""#, "mask"), (#""bos_token": "<x>""#, "beginning-of-text"),
            (#""additional_special_tokens": ["<x>"]"#, "additional special"),
            (#""extra_special_tokens": {"image": "<x>"}"#, "additional special"),
        ] {
            let error = try Self.error(with("{\(field)}"))
            guard case .specialTokenMissing(_, role, "<x>") = error else {
                Issue.record("\(field): \(String(describing: error))")
                return
            }
        }
        let listed = #"{"added_tokens_decoder": {"7": {"content": "<x>", "special": true}}}"#
        try Self.directory(with(listed).mapValues { Array($0.utf8) }) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(try tokenizer.encode("a<x>").ids == [2, 5, 7, 3])
        }
    }

    @Test func tokenizerJSONAndItsPadding() throws {
        #expect(try Self.error(Self.json()) == nil)
        let files = Self.json().mapValues { Array($0.utf8) }
        try Self.directory(files) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(tokenizer.fixedPaddingLength == 12)
            #expect(try tokenizer.encode("ab").ids == [2, 5, 6, 3])
        }
    }

    @Test(arguments: [
        ("\"type\": \"WordPiece\", \"unk", "\"type\": \"BPE\", \"unk", "BPE"),
        ("BertNormalizer", "NFKC", "NFKC"),
        ("BertPreTokenizer", "ByteLevel", "ByteLevel"),
        ("BertProcessing", "RobertaProcessing", "RobertaProcessing"),
        ("\"type\": \"WordPiece\", \"prefix\"", "\"type\": \"Metaspace\", \"prefix\"", "Metaspace"),
        ("\"normalized\": false", "\"normalized\": true", "normalized: true"),
        ("\"direction\": \"Right\"", "\"direction\": \"Left\"", "Left"),
    ])
    func otherComponentsAreRefusedByName(part: String, replacement: String, name: String) throws {
        guard case .unsupported(_, _, let found) = try Self.error(Self.json(part, by: replacement))
        else {
            Issue.record("not refused")
            return
        }
        #expect(found == name)
    }

    @Test(arguments: [
        ("\"a\": 5", "\"a\": -5"), ("\"a\": 5", "\"a\": 4"), ("\"a\": 5", "\"a\": 99999999"),
        ("\"a\": 5", "\"a\": 5.5"), ("\"a\": 5", "\"a\": \"5\""), ("\"a\": 5", "\"[MASK]\": 5"),
        ("\"Fixed\": 12", "\"Fixed\": 0"), ("\"Fixed\": 12", "\"Fixed\": 1e300"),
        ("\"id\": 0", "\"id\": 1"), ("\"id\": 0", "\"id\": null"),
        ("\"lowercase\": true", "\"lowercase\": 1"), ("}}}", "}}"), ("}}}", "}}}}"),
        ("\"a\": 5", "\"\\ud800\": 5"), ("\"a\": 5", "\"a\n\": 5"), ("\"a\": 5", "\"a\" 5"),
    ])
    func malformedJSONIsRefused(part: String, replacement: String) throws {
        #expect(try Self.error(Self.json(part, by: replacement)) != nil)
    }

    private static let template = """
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}}
        """

    /// The post-processor has identifiers of its own, which a text would get.
    @Test(arguments: [
        ("[\"[SEP]\", 3]", "[\"[SEP]\", 5]"), ("[\"[CLS]\", 2]", "[\"[CLS]\"]"),
        ("\"ids\": [2]", "\"ids\": [5]"), ("\"ids\": [3]", "\"ids\": [3, 3]"),
        ("\"[SEP]\", \"ids\"", "\"[SEP]\", \"x\""),
    ])
    func identifiersOfThePostProcessor(part: String, replacement: String) throws {
        let processor = #"{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}"#
        let isTemplate = part.hasPrefix("\"")
        let whole = isTemplate ? Self.template : processor
        #expect(try Self.error(Self.json(processor, by: whole)) == nil)
        #expect(whole.contains(part))
        let changed = Self.json(processor, by: whole.replacing(part, with: replacement))
        guard case .wrongField(_, let field, _, _) = try Self.error(changed) else {
            Issue.record("not refused")
            return
        }
        #expect(field.hasPrefix("post_processor."))
    }

    @Test func nestingIsBounded() throws {
        let deep = String(repeating: "[", count: 1_000_000)
        guard case .malformedJSON = try Self.error(["tokenizer.json": deep]) else {
            Issue.record("not refused")
            return
        }
    }

    @Test func wrongVocabularies() throws {
        guard case .vocabularyMissing = try Self.error([:]) else {
            Issue.record("a directory without files")
            return
        }
        guard case .emptyVocabulary = try Self.error(["vocab.txt": ""]) else {
            Issue.record("an empty file")
            return
        }
        // As in Hugging Face's, the last of equal lines has the token.
        try Self.directory(["vocab.txt": Array((Self.vocabulary + "a\n").utf8)]) { url in
            let tokenizer = try Tokenizer(directory: url)
            #expect(try tokenizer.encode("a ab").ids == [2, 7, 7, 6, 3])
            #expect(tokenizer.token(5) == nil && tokenizer.vocabularySize == 8)
        }
        let missing = try Self.error(["vocab.txt": "a\nb\n"])
        guard case .specialTokenMissing(_, "padding", "[PAD]") = missing else {
            Issue.record("no special tokens: \(String(describing: missing))")
            return
        }
        for bad: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0x80]] {
            let bytes = ["vocab.txt": Array(Self.vocabulary.utf8) + bad]
            let expected = Self.vocabulary.utf8.count
            guard case .notUTF8(_, expected) = try Self.error(bytes: bytes) else {
                Issue.record("not UTF-8: \(bad)")
                return
            }
        }
        let long = [UInt8](repeating: 0x61, count: 1 << 24)
        guard case .tooLarge = try Self.error(bytes: ["vocab.txt": long]) else {
            Issue.record("a token of 16 MiB")
            return
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["vocab.txt", "tokenizer.json"])
    func aNamedPipeInPlaceOfAFile(name: String) throws {
        try Self.directory([:]) { url in
            #expect(mkfifo(url.appending(path: name).path, 0o600) == 0)
            let error = #expect(throws: TokenizerError.self) { try Tokenizer(directory: url) }
            guard case .unreadable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func aDirectoryInPlaceOfAFile() throws {
        try Self.directory([:]) { url in
            try FileManager.default.createDirectory(
                at: url.appending(path: "vocab.txt"), withIntermediateDirectories: true)
            #expect(throws: TokenizerError.self) { try Tokenizer(directory: url) }
        }
    }
}
