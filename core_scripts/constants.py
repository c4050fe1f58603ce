"""Numbers and names that several packages share; each says where it comes from."""

FLOAT_DTYPE = "<f4"  # raw feature files: little-endian float32 without header, upstream's format
INT16_SCALE = 2**15  # 16-bit PCM <-> [-1, 1)

# Length agreement between the features of one utterance, upstream's rule: below the floor anything goes.
LENGTH_TOLERANCE = 0.1  # of the longer one
LENGTH_TOLERANCE_FLOOR = 40  # steps at the finest resolution

STD_FLOOR = 1e-8  # smaller deviations are taken for constants and replaced by 1

TRAINED_NAME = "trained_model"  # best weights, as the flow chart calls them
EPOCH_NAME = "epoch"
CHECKPOINT_EXT = ".pt"

# Streams of random numbers: what is drawn for one purpose never shifts what is drawn for another.
STREAM_ORDER = 1
STREAM_CROP = 2
STREAM_MODEL = 3
STREAM_VALIDATION = 4
STREAM_GENERATION = 5
STREAM_CORPUS = 6
STREAM_AUGMENTATION = 7
STREAM_EVALUATION = 8
STREAM_BOOTSTRAP = 9
