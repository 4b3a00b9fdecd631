#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "runtime/corpus/line_reader.h"
#include "runtime/error.h"

namespace stemma {

namespace {

class FileStream : public ByteStream {
 public:
  explicit FileStream(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (!file_)
      throw Error(ErrorCode::not_found, fmt::format("{}: cannot be read ({})", path.string(), std::strerror(errno)));
    std::setvbuf(file_, nullptr, _IONBF, 0);
  }
  ~FileStream() override { std::fclose(file_); }

  size_t read(char* to, size_t size) override {
    const size_t got = std::fread(to, 1, size, file_);
    if (got < size && std::ferror(file_)) {
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: reading failed at byte {} ({}); is it a plain file on a sound disk?", path_.string(),
                              position_ + got, std::strerror(errno)));
    }
    position_ += got;
    return got;
  }
  const std::filesystem::path& path() const { return path_; }
  uint64_t position() const { return position_; }

 private:
  std::filesystem::path path_;
  FILE* file_;
  uint64_t position_ = 0;
};

// What both decompressors share: a buffer of compressed bytes, and the sentences.
class PackedStream : public ByteStream {
 protected:
  explicit PackedStream(const std::filesystem::path& path) : file_(path), input_(size_t{1} << 17) {}

  // Reads more compressed bytes; false at the end of the file.
  bool refill() {
    available_ = file_.read(input_.data(), input_.size());
    next_ = 0;
    return available_ > 0;
  }
  bool empty() const { return next_ == available_; }
  uint64_t place() const { return file_.position() - (available_ - next_); }
  [[noreturn]] void cut_short() const {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: cut short at byte {}, inside its compressed data; fetch the file again",
                            file_.path().string(), place()));
  }
  [[noreturn]] void damaged(const char* format, const std::string& why) const {
    constexpr std::string_view pointer = "version https://git-lfs";
    if (std::string_view(input_.data(), available_).starts_with(pointer)) {
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: a Git LFS pointer in place of the file; fetch it with `git lfs pull`",
                              file_.path().string()));
    }
    throw Error(ErrorCode::bad_file, fmt::format("{}: not sound {} data near byte {} ({}); fetch the file again",
                                                 file_.path().string(), format, place(), why));
  }

  FileStream file_;
  std::vector<char> input_;
  size_t next_ = 0, available_ = 0;
};

class GzipStream : public PackedStream {
 public:
  explicit GzipStream(const std::filesystem::path& path) : PackedStream(path) {
    if (inflateInit2(&z_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipStream() override { inflateEnd(&z_); }

  size_t read(char* to, size_t size) override {
    z_.next_out = reinterpret_cast<Bytef*>(to);
    z_.avail_out = static_cast<uInt>(size);
    while (z_.avail_out == size && !ended_) {
      if (empty() && !refill()) {
        if (!between_members_) cut_short();
        break;
      }
      if (between_members_ && any_member_ && !another_member()) break;
      between_members_ = false;
      z_.next_in = reinterpret_cast<Bytef*>(input_.data() + next_);
      z_.avail_in = static_cast<uInt>(available_ - next_);
      const int status = inflate(&z_, Z_NO_FLUSH);
      next_ = available_ - z_.avail_in;
      if (status == Z_STREAM_END) {
        between_members_ = any_member_ = true;
        inflateReset(&z_);
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        damaged("gzip", z_.msg ? z_.msg : "unknown header");
      }
    }
    return size - z_.avail_out;
  }

 private:
  // After a member: zeros pad the file to a block (tapes do), anything else begins a member.
  bool another_member() {
    do {
      while (!empty() && input_[next_] == 0) ++next_;
      if (!empty()) return true;
    } while (refill());
    ended_ = true;
    return false;
  }

  z_stream z_ = {};
  bool between_members_ = false, any_member_ = false, ended_ = false;
};

class ZstdStream : public PackedStream {
 public:
  explicit ZstdStream(const std::filesystem::path& path) : PackedStream(path), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27);
  }
  ~ZstdStream() override { ZSTD_freeDCtx(context_); }

  size_t read(char* to, size_t size) override {
    ZSTD_outBuffer out = {to, size, 0};
    while (out.pos == 0) {
      if (empty() && !refill()) {
        if (hint_ == 0) break;
        if (!full_) cut_short();  // else the decoder may still hold output of the last block
      }
      ZSTD_inBuffer in = {input_.data(), available_, next_};
      hint_ = ZSTD_decompressStream(context_, &out, &in);
      next_ = in.pos;
      if (ZSTD_isError(hint_)) damaged("zstd", ZSTD_getErrorName(hint_));
      full_ = out.pos == out.size;
    }
    return out.pos;
  }

 private:
  ZSTD_DCtx* context_;
  size_t hint_ = 1;    // 0 at the end of a frame
  bool full_ = false;  // the last call filled its output
};

}  // namespace

std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& path) {
  if (path.extension() == ".gz") return std::make_unique<GzipStream>(path);
  if (path.extension() == ".zst") return std::make_unique<ZstdStream>(path);
  return std::make_unique<FileStream>(path);
}

}  // namespace stemma
