#!/usr/bin/env python3
"""Makes the golden tokenizers: tiny ones of every kind, with the ids and texts that the PyPI packages `tokenizers`,
`sentencepiece`, `mistral-common` and `transformers` give. Run with all installed; writes one <name>.json (the tokenizer and its cases) or <name>.model with
<name>.cases.json each beside this file, or with --out DIR --texts N elsewhere and with N more random texts."""

import argparse
import base64
import importlib.metadata
import io
import json
import pathlib
import random

import sentencepiece
import tempfile
import tokenizers
import transformers
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+")

CORPUS = [
    "The quick brown fox jumps over the lazy dog. It's 1234 o'clock, isn't it? We'll see; they've been here since 1999.",
    "def add(a, b):\n    return a + b  # the sum\n\n\nprint(add(1, 22), add(333, 4444))\n\tif x != y: pass\r\n",
    "Les élèves naïfs goûtent une crème brûlée à l'hôtel. Ça va? Öl, Straße, ﬁne ½ ² Ⅳ ①",
    "我们在北京吃饭。日本語の文章、カタカナ。한국어 문장입니다. Привет, мир! שלום עולם مرحبا ١٢٣",
    "<s>[INST] Hello there, how are you? [/INST] I am fine, thanks!</s> e\u0301a\u0308 \u1112\u1161\u11ab",
    "aaaa bbbb  cc   dd    ee     hello hello world world the the and and of to in is it that was for on are as with",
]

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "\n", "\n\n", " \n ", "\t\t x", "Hello world", " Hello  world ", "hello", "Hello",
    "HELLO", "it's IT'S we'LL 'tis can't", "1", "12", "123", "1234567 89", "a1b22c333", "x²³¹ ½ Ⅷ ٣٤٥ १२३", "é", "e\u0301",
    "é e\u0301 ﬁ Å \u212b", "naïve café", "İstanbul Σίσυφος ὈΔΥΣΣΕΎΣ", "我们 abc 北京123", "日本語カナｶﾞ", "한국어 \u1112\u1161\u11ab", "😀 👩‍👩‍👧 🇫🇷",
    "\u00a0nbsp\u2003em\u3000wide", "\u200bzero\u200dwidth\ufeff", "a\u0000b\u0001c\u007f", "...!!!???", "a.b,c;d", "$1.00 €2 £3",
    "«quotes» “curly” ‘s", "<s>", "</s>", "a<s>b", "a <s> b", "<s></s>", "<mask>", "a <mask> b", "a<mask>b  <mask>", "the<w>the", "the <w> the",
    "<w>", "x<W>y", "[CLS] hello [SEP]", "▁", "▁▁a ▁ b", "<0x41>", "x <0x0A> y", "Ġ Ċ", "snake_case camelCase", "http://a.b/c?d=e&f",
    "  indented\n    more\n\n\n  less", "trailing   ", "tab\tnew\r\nline", "don't", "unbelievably antidisestablishmentarianism",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    # Unicode 10 to 16, of which the crate's parts know different ones.
    "a\U0002ebf0b", " \U00031350x", "1\U00010d40\U0001e4f0 2", "a\u0897b", "\u1c89\ua7cb\U00010d50", "\u32ff \ua7f2 \U0001fbf0",
    "\U00011935\U00011930", "a\u1ac1\u0301\u0323", "x\u2e52y\u1b4e", "、漢。字", "x\u0cf3y", "²x³_",
    "\u0301a", "a\u0301\u0323", "ẛ̣", "①②③", "㍿", "\u2581x", "ß ẞ", "Ǆ ǅ", "\U00013000", "क्षि", "ก็", "\r", "\r\n\r\n x",
]


def random_texts(count, seed):
    generator = random.Random(seed)
    pieces = TEXTS + sum((text.split(" ") for text in CORPUS), []) + list(" \n\t'.,-_<>1\u00e9\u0301\u00a0我")
    made = []
    for _ in range(count):
        text = "".join(generator.choice(pieces) for _ in range(generator.randint(1, 12)))
        if generator.random() < 0.3:
            text += "".join(chr(generator.choice([generator.randint(1, 0x2FF), generator.randint(0x300, 0x33FF),
                                                  generator.randint(0xAC00, 0xD7A3), generator.randint(0x1F300, 0x1F64F)]))
                            for _ in range(generator.randint(1, 8)))
        made.append(text)
    return made


def trained(model, trainer, normalizer=None, pre=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer: tokenizer.normalizer = normalizer
    if pre: tokenizer.pre_tokenizer = pre
    if decoder: tokenizer.decoder = decoder
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    return tokenizer


def bpe(size=420, special=(), **options):
    return trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), show_progress=False, **options)


BYTES = pre_tokenizers.ByteLevel.alphabet()


def byte_level(pre, normalizer=None, **options):
    return trained(models.BPE(**options), bpe(initial_alphabet=BYTES), normalizer, pre, decoders.ByteLevel())


def characters(pre=None, normalizer=None, decoder=None, size=400, **options):
    """BPE over characters with byte fallback, its merges free to cross anything, so that every cut shows."""
    tokenizer = trained(models.BPE(), bpe(size), normalizer=normalizer)
    saved = json.loads(tokenizer.to_str())
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for byte in range(256): vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    for token in saved["model"]["vocab"]: vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in saved["model"]["merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", **{"byte_fallback": True, "fuse_unk": True, **options}))
    if normalizer: made.normalizer = normalizer
    if pre: made.pre_tokenizer = pre
    made.decoder = decoder or decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return made


def split(pattern, behavior, invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def kinds():
    made = {}
    level = pre_tokenizers.ByteLevel
    sequence = pre_tokenizers.Sequence
    made["bytes_gpt2"] = byte_level(level(add_prefix_space=False))
    made["bytes_gpt2"].add_special_tokens([AddedToken("<s>", normalized=False), "</s>"])
    made["bytes_gpt2"].add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True), AddedToken("<w>", single_word=True),
                                   AddedToken("  ", normalized=False)])
    made["bytes_prefix_space"] = byte_level(level(add_prefix_space=True), normalizers.NFC())
    made["bytes_prefix_space"].add_tokens([AddedToken("é<w>", normalized=True)])
    made["bytes_cl100k"] = byte_level(sequence([split(GPT4, "removed", True), level(add_prefix_space=False, use_regex=False)]))
    made["bytes_ignore_merges"] = byte_level(
        sequence([split(GPT4, "isolated"), level(add_prefix_space=False, use_regex=False)]), ignore_merges=True)
    made["bytes_deepseek"] = byte_level(sequence([
        split(r"[\r\n]", "isolated"), split(r"\s?\p{L}+", "isolated"), split(r"\s?\p{P}+", "isolated"),
        split("[一-龥ࠀ-一가-\ud7ff]+", "isolated"), pre_tokenizers.Digits(True), level(add_prefix_space=False, use_regex=False)]))
    made["bytes_falcon"] = byte_level(sequence([
        pre_tokenizers.Punctuation("contiguous"), level(add_prefix_space=False), pre_tokenizers.Digits(False),
        split("[0-9][0-9][0-9]", "isolated")]))
    made["bytes_bloom"] = byte_level(sequence([split(r" ?[^(\s|[.,!?…。，、।۔،])]+", "isolated"),
                                               level(add_prefix_space=False, use_regex=False)]))
    made["bytes_intersection"] = byte_level(sequence([
        split(r"[\p{Han}]+|[\p{L}&&[^\p{Han}]]+|\w\h|(?=\d)", "isolated"), level(add_prefix_space=False, use_regex=False)]))
    clip = trained(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
                   bpe(special=["<unk>", "<s>", "</s>"], end_of_word_suffix="</w>", initial_alphabet=BYTES),
                   normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]),
                   sequence([split(r"<s>|</s>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "removed", True),
                             level(add_prefix_space=False, use_regex=False)]), decoders.ByteLevel())
    clip.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1), False, False)
    made["bytes_clip"] = clip
    underscores = normalizers.Replace(" ", "▁")
    prefixed = normalizers.Sequence([normalizers.Prepend("▁"), underscores])
    template = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    llama = characters(normalizer=prefixed)
    llama.add_special_tokens(["<unk>", AddedToken("<s>", normalized=True), "</s>"])
    llama.add_tokens([AddedToken("<mask>", rstrip=True, normalized=False)])
    llama.post_processor = template
    made["characters_llama"] = llama
    made["characters_gemma"] = characters(pre_tokenizers.Split(" ", "merged_with_previous"), underscores)
    made["characters_metaspace_first"] = characters(
        pre_tokenizers.Metaspace("▁", "first", split=False), decoder=decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))
    made["characters_metaspace_first"].add_special_tokens(["<s>", "</s>"])
    made["characters_metaspace_always"] = characters(pre_tokenizers.Metaspace("▁", "always"), decoder=decoders.Metaspace())
    made["characters_unknown"] = characters(byte_fallback=False, fuse_unk=False)
    made["characters_unknown_fused"] = characters(pre_tokenizers.Whitespace(), byte_fallback=False)
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        made[f"split_{behavior}"] = characters(sequence([split(r"[aeiou]|\s+", behavior), pre_tokenizers.Punctuation(behavior)]))
        made[f"split_{behavior}_inverted"] = characters(split("o", behavior, True))
    for name, normalizer in {
            "nfd": normalizers.NFD(), "nfkc": normalizers.NFKC(), "nfkd": normalizers.NFKD(), "nmt": normalizers.Nmt(),
            "strip": normalizers.Sequence([normalizers.Strip(), normalizers.Lowercase()]),
            "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip(False, True)]),
            "replace": normalizers.Sequence([normalizers.Replace(Regex("[aeiou]{2}|\\d"), "#"), normalizers.Replace("l", ""),
                                             normalizers.Prepend("x")]),
            "bert": normalizers.BertNormalizer(), "bert_cased": normalizers.BertNormalizer(True, False, None, False)}.items():
        made["normal_" + name] = characters(normalizer=normalizer)
        made["normal_" + name].add_tokens([AddedToken("Hello", normalized=True), AddedToken("<W>", normalized=False)])
    unigram = lambda size, **options: trainers.UnigramTrainer(vocab_size=size, show_progress=False, unk_token="<unk>", **options)
    t5 = trained(models.Unigram(), unigram(220, special_tokens=["<pad>", "</s>", "<unk>"]),
                 normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
                 sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), decoders.Metaspace())
    t5.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    made["unigram_t5"] = t5
    pieces = json.loads(t5.to_str())["model"]["vocab"]
    fallback = [["<unk>", 0.0]] + [[f"<0x{byte:02X}>", -9.0] for byte in range(256)] + pieces[3:]
    made["unigram_bytes"] = Tokenizer(models.Unigram([tuple(piece) for piece in fallback], 0, True))
    made["unigram_bytes"].pre_tokenizer = pre_tokenizers.Metaspace("▁", "never")
    made["unigram_bytes"].decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace("▁", "never")])
    wordpiece = trained(models.WordPiece(unk_token="[UNK]"),
                        trainers.WordPieceTrainer(vocab_size=300, show_progress=False,
                                                  special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]),
                        normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece())
    wordpiece.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    made["word_piece"] = wordpiece
    made["word_level"] = trained(models.WordLevel(unk_token="[UNK]"),
                                 trainers.WordLevelTrainer(vocab_size=120, show_progress=False, special_tokens=["[UNK]"]),
                                 normalizers.Lowercase(), sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]))
    made["continuing"] = trained(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
                                 bpe(300, special=["<unk>"], continuing_subword_prefix="##"),
                                 pre=pre_tokenizers.WhitespaceSplit(), decoder=decoders.WordPiece("##", False))
    made["word_ends"] = trained(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
                                bpe(300, special=["<unk>"], end_of_word_suffix="</w>"),
                                pre=sequence([pre_tokenizers.CharDelimiterSplit("-"), pre_tokenizers.BertPreTokenizer()]),
                                decoder=decoders.BPEDecoder("</w>"))
    made["fixed_length"] = characters(pre_tokenizers.FixedLength(3))
    # Merges go on over what has no token; a token that takes the space beside it may share it with another.
    dropped = trained(models.BPE(), bpe(300, limit_alphabet=24), pre=pre_tokenizers.WhitespaceSplit(), decoder=decoders.Fuse())
    dropped.add_tokens([AddedToken("<w>", rstrip=True), AddedToken("  ", lstrip=True), AddedToken("\n\n")])
    made["unknown_left_out"] = dropped
    made["split_syntax"] = characters(sequence([
        split(r"[^\W\d_]{2,3}+|[\D&&[^\p{L}\s]]", "isolated"), split(r"\b|[[:punct:]\W&&[^#-~]]+", "merged_with_next"),
        split(r"\p{^Lu}{,2}\u0020|(?m:o.)|[^\P{L}a-m]", "merged_with_previous")]))
    made["split_thousands"] = characters(sequence([split(r"(?=(\d{3})+(?!\d))", "isolated"), split(r"[\p{Han}]+", "isolated"),
                                                  pre_tokenizers.Digits(False)]))
    made["metaspace_after_strip"] = characters(
        pre_tokenizers.Metaspace("▁", "first", split=True), normalizers.Sequence([normalizers.StripAccents(), normalizers.Strip()]),
        decoders.Sequence([decoders.Replace(Regex("▁+"), " "), decoders.ByteFallback(), decoders.Fuse()]))
    return made


def sentencepieces():
    rules = HERE / "rules.tsv"
    rules.write_text("".join("%s\t%s\n" % (" ".join(f"{ord(c):X}" for c in left), " ".join(f"{ord(c):X}" for c in right))
                             for left, right in {"ﬁ": "fi", "½": "1/2", "\u3000": " ", "\u00a0": " ", "①": "1", "e\u0301": "é", "\t": " ", "\n": " "}.items()))
    common = dict(sentence_iterator=None, hard_vocab_limit=False, normalization_rule_tsv=str(rules))
    made = {}
    for name, options in {
            "piece_bpe": dict(model_type="bpe", byte_fallback=True, vocab_size=520, normalization_rule_name="identity",
                              remove_extra_whitespaces=False),
            "piece_bpe_rules": dict(model_type="bpe", vocab_size=260, user_defined_symbols=["<mask>", "the"], add_dummy_prefix=False),
            "piece_kept": dict(model_type="unigram", vocab_size=240, user_defined_symbols=["ﬁ", "½ ", "①②", "e\u0301", "the\u00a0"]),
            "piece_kept_bpe": dict(model_type="bpe", vocab_size=260, user_defined_symbols=["ﬁ", "½ ", "①②", "e\u0301"],
                                   remove_extra_whitespaces=False, add_dummy_prefix=False),
            "piece_unigram": dict(model_type="unigram", vocab_size=240, bos_id=-1, pad_id=0, eos_id=1, unk_id=2),
            "piece_words": dict(model_type="word", vocab_size=60, user_defined_symbols=["<mask>", "the"]),
            "piece_words_bytes": dict(model_type="word", vocab_size=340, byte_fallback=True, remove_extra_whitespaces=False),
            "piece_characters": dict(model_type="char", vocab_size=90, user_defined_symbols=["<mask>", "the"]),
            "piece_characters_bytes": dict(model_type="char", vocab_size=340, byte_fallback=True, add_dummy_prefix=False),
            "piece_unigram_bytes": dict(model_type="unigram", vocab_size=480, byte_fallback=True)}.items():
        model = io.BytesIO()
        settings = {**common, **options, "sentence_iterator": iter(sum((c.split("\n") for c in CORPUS), []) * 3), "model_writer": model,
                    "minloglevel": 2}
        if options.get("normalization_rule_name"): settings.pop("normalization_rule_tsv")
        sentencepiece.SentencePieceTrainer.train(**settings)
        made[name] = model.getvalue()
    rules.unlink()
    return made


def not_legacy(model, texts):
    """What transformers makes of a tokenizer.model whose configuration says that it is not legacy: only the text begins
    with a space, not what stands behind an added token."""
    config = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>",
              "unk_token": "<unk>"}
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "tokenizer.model").write_bytes(model)
        pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        loaded = transformers.LlamaTokenizer.from_pretrained(folder)
    cases = []
    for text in texts + ["<s>a", "<s> a", "a<s> b</s>c", "x</s> ", " <s>"]:
        ids = loaded.encode(text, add_special_tokens=False)
        cases.append({"text": text, "ids": ids, "full": loaded.encode(text), "decoded": loaded.decode(ids)})
    return config, cases


TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?"
          r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def tekken(version, special=None):
    """Tokens by rank, some of them past the size that the file says; the special tokens named or not."""
    letters = {letter: byte for byte, letter in enumerate(bytes_of_letters())}
    cut = pre_tokenizers.Sequence([split(TEKKEN, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    learned = json.loads(byte_level(cut).to_str())["model"]["merges"]
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [bytes(letters[letter] for letter in "".join(merge).replace(" ", "")) for merge in learned]
    tokens = list(dict.fromkeys(tokens))
    return {"config": {"pattern": TEKKEN, "num_vocab_tokens": len(tokens), "default_vocab_size": len(tokens) + 24 - 10,
                       "default_num_special_tokens": 24, "version": version},
            "vocab": [{"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
                      for rank, token in enumerate(tokens)],
            **({"special_tokens": [{"rank": rank, "token_str": text, "is_control": True}
                                   for rank, text in enumerate(special)]} if special else {})}


def bytes_of_letters():
    """GPT-2's letter of each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


def tekken_cases(document, texts):
    path = HERE / "tekken.tmp.json"
    path.write_text(json.dumps(document))
    tokenizer = Tekkenizer.from_file(path)
    path.unlink()
    special = [token["token_str"] for token in tokenizer._all_special_tokens]
    cases = []  # its special tokens are no part of texts
    for text in (text for text in texts if not any(token in text for token in special)):
        ids = tokenizer.encode(text, bos=False, eos=False)
        cases.append({"text": text, "ids": ids, "full": tokenizer.encode(text, bos=True, eos=False), "decoded": tokenizer.decode(ids)})
    return cases


def configured(made, texts):
    """What transformers makes of a tokenizer.json and what its configuration says beside it."""
    for name, (tokenizer, config) in {
            "cleaned_up": ("unigram_t5", {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": True}),
            "not_cleaned_up": ("bytes_gpt2", {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": True})}.items():
        with tempfile.TemporaryDirectory() as folder:
            made[tokenizer].save(f"{folder}/tokenizer.json")
            pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
            loaded = transformers.AutoTokenizer.from_pretrained(folder)
        cases = []
        for text in texts + ["Hello , it 's . No ?", "we 've <s> been , they 're", "do n't ! ' a ' b"]:
            ids = loaded.encode(text, add_special_tokens=False)
            cases.append({"text": text, "ids": ids, "decoded": loaded.decode(ids)})
        yield name, config, made[tokenizer], cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--texts", type=int, default=20)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    texts = TEXTS + random_texts(arguments.texts, 7)
    versions = {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__}
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    made = kinds()
    for name, tokenizer in made.items():
        cases, added = [], tokenizer.get_added_tokens_decoder()
        for text in texts:
            plain, full = tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.encode(text).ids
            case = {"text": text, "ids": plain}
            # Versions differ in how they write an added token that was looked for in normalised text.
            if not any(added[id].normalized for id in plain if id in added):
                case["decoded"] = tokenizer.decode(plain, skip_special_tokens=False)
            if full != plain: case["full"] = full
            cases.append(case)
        (arguments.out / f"{name}.json").write_text(
            '{"versions":%s,\n"tokenizer":%s,\n"cases":[\n%s]}\n'
            % (dump(versions), dump(json.loads(tokenizer.to_str())), ",\n".join(map(dump, cases))))
    for name, config, tokenizer, cases in configured(made, texts):
        (arguments.out / f"{name}.json").write_text(
            '{"versions":%s,\n"config":%s,\n"tokenizer":%s,\n"cases":[\n%s]}\n'
            % (dump({"transformers": transformers.__version__}), dump(config), dump(json.loads(tokenizer.to_str())),
               ",\n".join(map(dump, cases))))
    mistral = {"mistral-common": importlib.metadata.version("mistral-common")}
    for name, document in {"tekken": tekken("v3"), "tekken_named": tekken("v11", ["<unk>", "<s>", "</s>", "[INST]", "[THINK]"])}.items():
        (arguments.out / f"{name}.json").write_text(
            '{"versions":%s,\n"tokenizer":%s,\n"cases":[\n%s]}\n'
            % (dump(mistral), dump(document), ",\n".join(map(dump, tekken_cases(document, texts)))))
    models_of_pieces = sentencepieces()
    config, cases = not_legacy(models_of_pieces["piece_bpe"], texts)
    (arguments.out / "piece_bpe_not_legacy.cases.json").write_text(
        '{"versions":%s,\n"model":"piece_bpe.model",\n"config":%s,\n"cases":[\n%s]}\n'
        % (dump({"transformers": transformers.__version__}), dump(config), ",\n".join(map(dump, cases))))
    for name, model in models_of_pieces.items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        (arguments.out / f"{name}.model").write_bytes(model)
        # Markers in text are tokens to us and plain text to SentencePiece; line ends are its own separators.
        own = [text for text in texts if "<" not in text]
        cases = []
        for text in own:
            ids = processor.encode(text)
            cases.append({"text": text, "ids": ids})
            if processor.unk_id() not in ids: cases[-1]["decoded"] = processor.decode(ids)
        (arguments.out / f"{name}.cases.json").write_text(
            '{"versions":%s,\n"cases":[\n%s]}\n' % (dump(versions), ",\n".join(map(dump, cases))))


if __name__ == "__main__":
    main()
