#include "runtime/corpus/line_reader.h"

#include <fmt/format.h>

#include <cstring>

#include "runtime/error.h"

namespace stemma {

LineReader::LineReader(const std::filesystem::path& path) : path_(path), stream_(open_stream(path)) {}

bool LineReader::next(std::string_view& line) {
  for (;;) {
    const void* newline = searched_ < buffer_.size()
                              ? std::memchr(buffer_.data() + searched_, '\n', buffer_.size() - searched_)
                              : nullptr;
    if (newline || (ended_ && begin_ < buffer_.size())) {
      const size_t end =
          newline ? static_cast<size_t>(static_cast<const char*>(newline) - buffer_.data()) : buffer_.size();
      line = std::string_view(buffer_).substr(begin_, end - begin_);
      line_offset_ = next_offset_;
      const size_t used = end - begin_ + (newline ? 1 : 0);
      next_offset_ += used;
      begin_ += used;
      searched_ = begin_;
      ++number_;
      return true;
    }
    if (ended_) return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched_ = buffer_.size();
    if (searched_ > longest_line) {
      throw Error(
          ErrorCode::does_not_fit,
          fmt::format("{}:{}: a line longer than {} MiB; a corpus has one JSON object a line, split the file so",
                      path_.string(), number_ + 1, longest_line >> 20));
    }
    constexpr size_t piece = size_t{1} << 18;
    buffer_.resize(searched_ + piece);
    const size_t got = stream_->read(buffer_.data() + searched_, piece);
    buffer_.resize(searched_ + got);
    ended_ = got == 0;
  }
}

}  // namespace stemma
