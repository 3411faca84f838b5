extension CheckpointError: CustomStringConvertible {
    /// One sentence that names the file and the tensor, what was expected and what was found.
    package var description: String { message.printable }

    private var message: String {
        switch self {
        case .notADirectory(let path):
            "\(path): expected a directory with config.json and weights"
        case .configurationMissing(let directory):
            "\(directory): there is no config.json"
        case .weightsMissing(let directory, let expected):
            "\(directory): there are no weights, expected one of "
                + expected.joined(separator: ", ")
        case .fileUnreadable(let file, let reason):
            "\(file): cannot be read: \(reason)"
        case .notARegularFile(let file):
            "\(file): is not a regular file"
        case .fileTooLarge(let file, let limit, let got):
            "\(file): expected at most \(limit) bytes, got \(got)"
        case .writeFailed(let file, let reason):
            "\(file): cannot be written: \(reason)"
        case .truncated(let file, let what, let offset, let needed, let available):
            "\(file): truncated: \(what) at byte \(offset) needs \(needed) bytes, "
                + "\(available) are left"
        case .trailingBytes(let file, let offset, let count):
            "\(file): \(count) unexpected bytes follow from byte \(offset)"
        case .invalidText(let file, let what, let offset):
            "\(file): \(what) at byte \(offset) is not valid UTF-8"
        case .bigEndian(let file, let got):
            "\(file): expected little-endian numbers, the file says '\(got)'"
        case .invalidJSON(let file, let offset, let expected):
            "\(file): invalid JSON at byte \(offset): expected \(expected)"
        case .jsonTooDeep(let file, let offset, let limit):
            "\(file): JSON at byte \(offset) is nested deeper than \(limit) levels"
        case .duplicateKey(let file, let key):
            "\(file): '\(key)' is there twice"
        case .headerTooLarge(let file, let limit, let got):
            "\(file): expected a header of at most \(limit) bytes, got \(got)"
        case .headerBeyondEnd(let file, let length, let available):
            "\(file): the header has \(length) bytes, but only \(available) follow"
        case .fieldMissing(let file, let tensor, let field):
            "\(file): tensor '\(tensor)' has no '\(field)'"
        case .fieldUnknown(let file, let tensor, let field):
            "\(file): tensor '\(tensor)' has an unknown field '\(field)', "
                + "expected dtype, shape and data_offsets"
        case .offsetsOutOfRange(let file, let tensor, let begin, let end, let available):
            "\(file): tensor '\(tensor)' lies at bytes \(begin) to \(end), "
                + "expected inside 0 to \(available)"
        case .offsetsOverlap(let file, let tensor, let begin, let previousEnd):
            "\(file): tensor '\(tensor)' begins at byte \(begin), inside the tensor before it, "
                + "which ends at \(previousEnd)"
        case .offsetsLeaveHole(let file, let tensor, let begin, let previousEnd):
            "\(file): tensor '\(tensor)' begins at byte \(begin), expected \(previousEnd): "
                + "no bytes may lie between tensors"
        case .nameTooLong(let file, let limit, let got):
            "\(file): expected tensor names of at most \(limit) bytes, got one of \(got)"
        case .unknownElementType(let file, let tensor, let got):
            "\(file): tensor '\(tensor)' has the unsupported element type '\(got)'"
        case .tooManyDimensions(let file, let tensor, let limit, let got):
            "\(file): tensor '\(tensor)': expected at most \(limit) dimensions, got \(got)"
        case .negativeDimension(let file, let tensor, let shape):
            "\(file): tensor '\(tensor)' has a negative number in its shape or strides \(shape)"
        case .shapeOverflow(let file, let tensor, let shape):
            "\(file): tensor '\(tensor)': the size of shape \(shape) overflows"
        case .sizeMismatch(let file, let tensor, let shape, let expected, let got):
            "\(file): tensor '\(tensor)' of shape \(shape): expected \(expected) bytes, got \(got)"
        case .stridesMismatch(let file, let tensor, let shape, let strides):
            "\(file): tensor '\(tensor)': \(shape.count) dimensions \(shape), "
                + "but \(strides.count) strides \(strides)"
        case .viewOutOfRange(let file, let tensor, let needed, let available):
            "\(file): tensor '\(tensor)' reaches to element \(needed) of its storage, "
                + "which has \(available)"
        case .viewRepeatsElements(let file, let tensor, let elements, let stored):
            "\(file): tensor '\(tensor)' has \(elements) elements, its storage only \(stored)"
        case .elementTypeMismatch(let file, let tensor, let expected, let got):
            "\(file): tensor '\(tensor)': expected \(expected), got \(got.rawValue)"
        case .zipEndMissing(let file):
            "\(file): the zip archive does not end in an end-of-directory record: truncated, "
                + "or followed by other bytes"
        case .zipDirectoryInvalid(let file, let what, let expected, let got):
            "\(file): zip directory: \(what): expected \(expected), got \(got)"
        case .zipEntryCompressed(let file, let entry, let method):
            "\(file): zip entry '\(entry)' is compressed (method \(method)), expected stored"
        case .zipEntryEncrypted(let file, let entry):
            "\(file): zip entry '\(entry)' is encrypted"
        case .zipEntryUnsupported(let file, let entry, let what):
            "\(file): zip entry '\(entry)' has unsupported \(what)"
        case .zipEntryOutOfRange(let file, let entry, let offset, let end, let available):
            "\(file): zip entry '\(entry)' lies at bytes \(offset) to \(end), "
                + "expected inside 0 to \(available)"
        case .zipHeadersDisagree(let file, let entry, let field):
            "\(file): zip entry '\(entry)': directory and local header disagree on its \(field)"
        case .zipEntriesOverlap(let file, let entry, let other):
            "\(file): zip entries '\(entry)' and '\(other)' overlap"
        case .zipEntryDuplicate(let file, let entry):
            "\(file): zip entry '\(entry)' is there twice"
        case .zipEntryMissing(let file, let entry):
            "\(file): there is no zip entry '\(entry)'"
        case .zipChecksumMismatch(let file, let entry, let expected, let got):
            "\(file): zip entry '\(entry)': expected checksum \(String(expected, radix: 16)), "
                + "got \(String(got, radix: 16))"
        case .notPyTorch(let file):
            "\(file): expected a PyTorch file (a zip archive or a pickle)"
        case .pickleProtocolUnsupported(let file, let got):
            "\(file): expected pickle protocol 2, got \(got)"
        case .pickleGlobalRefused(let file, let name):
            "\(file): the pickle asks for '\(name)', which is not part of a checkpoint; refused"
        case .pickleOpcodeRefused(let file, let opcode, let offset):
            "\(file): pickle operation \(opcode) at byte \(offset) is not part of a checkpoint; "
                + "refused"
        case .pickleStackEmpty(let file, let offset):
            "\(file): the pickle takes more values than it made at byte \(offset)"
        case .pickleMemoMissing(let file, let index, let offset):
            "\(file): the pickle asks for value \(index) at byte \(offset), which was never kept"
        case .pickleMalformed(let file, let offset, let expected, let got):
            "\(file): pickle at byte \(offset): expected \(expected), got \(got)"
        case .pickleTooLarge(let file, let limit):
            "\(file): the pickle has more than \(limit) operations"
        case .legacyHeaderInvalid(let file, let what, let got):
            "\(file): PyTorch file of the form before zip: unexpected \(what): \(got)"
        case .notAStateDictionary(let file, let got):
            "\(file): expected a dictionary of tensors, got \(got)"
        case .notATensor(let file, let tensor, let got):
            "\(file): '\(tensor)': expected a tensor, got \(got)"
        case .storageMissing(let file, let storage):
            "\(file): the storage '\(storage)' is not in the file"
        case .storageConflict(let file, let storage):
            "\(file): the storage '\(storage)' is described in two ways"
        case .storageSizeMismatch(let file, let storage, let expected, let got):
            "\(file): the storage '\(storage)': expected \(expected) bytes, got \(got)"
        case .messagePackUnexpected(let file, let offset, let expected, let got):
            "\(file): MessagePack at byte \(offset): expected \(expected), "
                + "got type byte 0x\(String(got, radix: 16))"
        case .messagePackExtensionUnknown(let file, let tensor, let type):
            "\(file): '\(tensor)': expected an array (extension 1), got extension \(type)"
        case .messagePackTooDeep(let file, let offset, let limit):
            "\(file): MessagePack at byte \(offset) is nested deeper than \(limit) levels"
        case .arrayMalformed(let file, let tensor, let expected, let got):
            "\(file): array '\(tensor)': expected \(expected), got \(got)"
        case .chunksMalformed(let file, let tensor, let expected, let got):
            "\(file): chunked array '\(tensor)': expected \(expected), got \(got)"
        case .indexInvalid(let file, let expected):
            "\(file): expected \(expected)"
        case .shardNameRefused(let file, let tensor, let shard):
            "\(file): tensor '\(tensor)' is said to be in '\(shard)', "
                + "expected a plain file name in the same directory"
        case .shardMissing(let file, let shard):
            "\(file): names the shard '\(shard)', which is not there"
        case .shardTensorMissing(let file, let tensor, let shard):
            "\(file): tensor '\(tensor)' is said to be in '\(shard)', which does not have it"
        case .tensorInTwoShards(let tensor, let first, let second):
            "\(second): tensor '\(tensor)' is also in \(first)"
        }
    }
}
