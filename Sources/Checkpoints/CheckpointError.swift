/// What is wrong with a checkpoint: one case per malformation.
///
/// `file` is the name of the file (its path where the file could not be opened), `tensor` the name
/// of the tensor in that file, offsets and sizes are in bytes unless said otherwise.
package enum CheckpointError: Error, Sendable, Equatable {
    // Directory and files
    case notADirectory(path: String)
    case configurationMissing(directory: String)
    case weightsMissing(directory: String, expected: [String])
    case fileUnreadable(file: String, reason: String)
    case notARegularFile(file: String)
    case fileTooLarge(file: String, limit: Int, got: Int)
    case writeFailed(file: String, reason: String)
    case truncated(file: String, what: String, offset: Int, needed: Int, available: Int)
    case trailingBytes(file: String, offset: Int, count: Int)
    case invalidText(file: String, what: String, offset: Int)
    case bigEndian(file: String, got: String)

    // JSON: safetensors headers and shard indices
    case invalidJSON(file: String, offset: Int, expected: String)
    case jsonTooDeep(file: String, offset: Int, limit: Int)
    case duplicateKey(file: String, key: String)

    // Safetensors
    case headerTooLarge(file: String, limit: Int, got: UInt64)
    case headerBeyondEnd(file: String, length: Int, available: Int)
    case fieldMissing(file: String, tensor: String, field: String)
    case fieldUnknown(file: String, tensor: String, field: String)
    case offsetsOutOfRange(file: String, tensor: String, begin: Int, end: Int, available: Int)
    case offsetsOverlap(file: String, tensor: String, begin: Int, previousEnd: Int)
    case offsetsLeaveHole(file: String, tensor: String, begin: Int, previousEnd: Int)

    // Tensors of every format
    case nameTooLong(file: String, limit: Int, got: Int)
    case unknownElementType(file: String, tensor: String, got: String)
    case tooManyDimensions(file: String, tensor: String, limit: Int, got: Int)
    case negativeDimension(file: String, tensor: String, shape: [Int])
    case shapeOverflow(file: String, tensor: String, shape: [Int])
    case sizeMismatch(file: String, tensor: String, shape: [Int], expected: Int, got: Int)
    case stridesMismatch(file: String, tensor: String, shape: [Int], strides: [Int])
    case viewOutOfRange(file: String, tensor: String, neededElements: Int, availableElements: Int)
    case viewRepeatsElements(file: String, tensor: String, elements: Int, storedElements: Int)
    case elementTypeMismatch(file: String, tensor: String, expected: String, got: ElementType)

    // Zip
    case zipEndMissing(file: String)
    case zipDirectoryInvalid(file: String, what: String, expected: Int, got: Int)
    case zipEntryCompressed(file: String, entry: String, method: Int)
    case zipEntryEncrypted(file: String, entry: String)
    case zipEntryUnsupported(file: String, entry: String, what: String)
    case zipEntryOutOfRange(file: String, entry: String, offset: Int, end: Int, available: Int)
    case zipHeadersDisagree(file: String, entry: String, field: String)
    case zipEntriesOverlap(file: String, entry: String, other: String)
    case zipEntryDuplicate(file: String, entry: String)
    case zipEntryMissing(file: String, entry: String)
    case zipChecksumMismatch(file: String, entry: String, expected: UInt32, got: UInt32)

    // Pickle
    case notPyTorch(file: String)
    case pickleProtocolUnsupported(file: String, got: Int)
    case pickleGlobalRefused(file: String, name: String)
    case pickleOpcodeRefused(file: String, opcode: String, offset: Int)
    case pickleStackEmpty(file: String, offset: Int)
    case pickleMemoMissing(file: String, index: Int, offset: Int)
    case pickleMalformed(file: String, offset: Int, expected: String, got: String)
    case pickleTooLarge(file: String, limit: Int)
    case legacyHeaderInvalid(file: String, what: String, got: String)
    case notAStateDictionary(file: String, got: String)
    case notATensor(file: String, tensor: String, got: String)
    case storageMissing(file: String, storage: String)
    case storageConflict(file: String, storage: String)
    case storageSizeMismatch(file: String, storage: String, expected: Int, got: Int)

    // MessagePack
    case messagePackUnexpected(file: String, offset: Int, expected: String, got: UInt8)
    case messagePackExtensionUnknown(file: String, tensor: String, type: Int)
    case messagePackTooDeep(file: String, offset: Int, limit: Int)
    case arrayMalformed(file: String, tensor: String, expected: String, got: String)
    case chunksMalformed(file: String, tensor: String, expected: String, got: String)

    // Shards
    case indexInvalid(file: String, expected: String)
    case shardNameRefused(file: String, tensor: String, shard: String)
    case shardMissing(file: String, shard: String)
    case shardTensorMissing(file: String, tensor: String, shard: String)
    case tensorInTwoShards(tensor: String, first: String, second: String)
}
