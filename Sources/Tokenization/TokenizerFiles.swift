import Foundation

/// Reads a tokenizer's directory into a definition.
enum TokenizerFiles {
    private static let sizeLimit = 64 << 20

    /// - Throws: everything that `TokenizerError` says about files.
    static func definition(in directory: URL) throws(TokenizerError) -> TokenizerDefinition {
        let map = try source("special_tokens_map.json", in: directory)
        let added = try source("added_tokens.json", in: directory)
        let main = try source("tokenizer_config.json", in: directory)
        if let bytes = try contents("tokenizer.json", in: directory) {
            let file = directory.appending(path: "tokenizer.json").path
            let document = try JSONParser.parse(bytes, file: file)
            var definition = try TokenizerJSON(document: document, file: file).definition()
            try TokenizerConfiguration(
                map: map, main: main, added: added, isVocabularySource: false
            ).apply(to: &definition)
            return definition
        }
        guard let bytes = try contents("vocab.txt", in: directory) else {
            throw .vocabularyMissing(directory: directory.path)
        }
        var definition = TokenizerDefinition(file: directory.appending(path: "vocab.txt").path)
        definition.tokens = lines(bytes)
        definition.modelVocabularySize = definition.tokens.count
        definition.identifierLimit = definition.tokens.count + (1 << 16)
        try TokenizerConfiguration(map: map, main: main, added: added, isVocabularySource: true)
            .apply(to: &definition)
        return definition
    }

    /// The lines of `vocab.txt`: the line's number is the token's identifier. As Python reads it, a
    /// line ends in LF, CR LF or CR, and nothing else is trimmed. Of equal lines the last has the token,
    /// as in Hugging Face's `BertTokenizerFast`.
    private static func lines(_ bytes: [UInt8]) -> [String?] {
        var tokens: [String?] = []
        var places: [ArraySlice<UInt8>: Int] = [:]
        func add(_ line: ArraySlice<UInt8>) {
            if let earlier = places.updateValue(tokens.count, forKey: line) {
                tokens[earlier] = nil
            }
            tokens.append(String(decoding: line, as: UTF8.self))
        }
        var start = 0
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x0A || byte == 0x0D {
                add(bytes[start..<position])
                if byte == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A {
                    position += 1
                }
                start = position + 1
            }
            position += 1
        }
        if start < bytes.count {
            add(bytes[start...])
        }
        return tokens
    }

    private static func source(
        _ name: String, in directory: URL
    ) throws(TokenizerError) -> TokenizerConfiguration.Source? {
        guard let bytes = try contents(name, in: directory) else { return nil }
        let file = directory.appending(path: name).path
        let document = try JSONParser.parse(bytes, file: file)
        guard case .object = document else {
            throw .wrongField(
                file: file, field: "the document", expected: "an object", found: document.kind)
        }
        return TokenizerConfiguration.Source(file: file, document: document)
    }

    /// Opens a regular file of no more than `sizeLimit` bytes: anything else may have no end, or never
    /// begin. Nil where there is none; a link to what is not there is not none.
    private static func handle(_ url: URL) throws(TokenizerError) -> FileHandle? {
        // Non-blocking, because opening a named pipe would wait for its writer.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        var status = stat()
        guard descriptor >= 0 else {
            let number = errno
            if number == ENOENT || number == ENOTDIR {
                if lstat(url.path, &status) != 0 { return nil }
                throw .unreadable(
                    file: url.path, reason: "it is a link to a file that is not there")
            }
            throw .unreadable(file: url.path, reason: String(cString: strerror(number)))
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(file: url.path, reason: "it is not a regular file")
        }
        guard status.st_size <= sizeLimit else {
            throw .tooLarge(file: url.path, bytes: Int(status.st_size), limit: sizeLimit)
        }
        return handle
    }

    /// The bytes of a file, checked to be UTF-8, without a byte order mark; nil if there is none.
    private static func contents(
        _ name: String, in directory: URL
    ) throws(TokenizerError) -> [UInt8]? {
        let url = directory.appending(path: name)
        guard let handle = try handle(url) else { return nil }
        var bytes: [UInt8]
        do {
            bytes = [UInt8](try handle.read(upToCount: sizeLimit) ?? Data())
        } catch {
            throw .unreadable(file: url.path, reason: "\(error.localizedDescription)")
        }
        if let offset = UTF8Text.firstInvalidByte(bytes) {
            throw .notUTF8(file: url.path, offset: offset)
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        return bytes
    }
}
