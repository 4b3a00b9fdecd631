// What stands in the middle while nothing is open: the ways to begin.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <QWidget>

namespace stemma {

class StartPage : public QWidget {
  Q_OBJECT

 public:
  explicit StartPage(QWidget* parent = nullptr);
  void refresh(bool has_session);

 signals:
  void open_wanted(const QString& path);  // empty: let a person choose
  void prompt_wanted();

 private:
  QLabel *title_, *words_;
  QPushButton* demo_;
  QVBoxLayout* recent_;
  QWidget* recent_part_;
};

}  // namespace stemma
