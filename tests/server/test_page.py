"""Tests of the web page, in headless Chromium where it is installed."""

from __future__ import annotations

import base64
import pathlib
import re
import shutil
from collections.abc import Iterator

import pytest

from keras_t2i.server import LocalServer


def test_page_names_the_models_that_paint(server: LocalServer, ask) -> None:
    reply = ask(server, "GET", "/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert b'[{"name": "t2i", "version": 7, "signature": "generate", "seeded": true}]' in reply.body
    assert ask(server, "HEAD", "/").status == 200
    assert ask(server, "POST", "/", {}).status == 404


def test_page_asks_for_nothing_from_elsewhere(server: LocalServer, ask) -> None:
    text = ask(server, "GET", "/").body.decode()
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s>)]+)""", text)
    assert all(address.startswith("data:") for address in addresses)
    assert re.findall(r"https?://[^'\"\s]+", text) == ["http://www.w3.org/2000/svg"]


def test_every_field_has_a_label(server: LocalServer, ask) -> None:
    text = ask(server, "GET", "/").body.decode()
    fields = re.findall(r'<(?:input|textarea|select) [^>]*?\bid="(\w+)"', text)
    assert set(fields) == {"caption", "count", "seed", "surprise", "model"}
    assert all(f'<label for="{field}">' in text for field in fields)


def test_name_of_a_model_cannot_end_the_script(models: pathlib.Path, ask) -> None:
    name = "<script>alert(1)<!--"
    with LocalServer(model_base_path=models / "painter", model_name=name) as server:
        body = ask(server, "GET", "/").body
    assert name.encode() not in body
    assert b"\\u003cscript>alert(1)\\u003c!--" in body


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Headless Chromium; skips where the browser, its driver or selenium is absent."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("disable-dev-shm-usage", "hide-scrollbars", "force-prefers-reduced-motion"),
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{flag}")
    service = webdriver.ChromeService(executable_path=driver)
    chromium = webdriver.Chrome(options=options, service=service)
    chromium.set_window_size(1280, 1000)
    yield chromium
    chromium.quit()


@pytest.fixture
def page(browser, server: LocalServer):
    """The page, freshly opened."""
    browser.get(f"{server.url}/")
    return browser


def fill(page, **values: object) -> None:
    for name, value in values.items():
        field = page.find_element("id", name)
        field.clear()
        field.send_keys(str(value))


def paint(page, pictures: int) -> list:
    """Presses the button and waits until so many pictures are loaded."""
    from selenium.webdriver.support.ui import WebDriverWait

    page.find_element("id", "paint").click()
    script = (
        "const all = [...document.querySelectorAll('.set:first-child img')];"
        "return all.length === arguments[0] && all.every(i => i.complete && i.naturalWidth)"
    )
    WebDriverWait(page, 30).until(lambda driver: driver.execute_script(script, pictures))
    return page.find_elements("css selector", ".set:first-child figure")


def error_of(page) -> str:
    from selenium.webdriver.support.ui import WebDriverWait

    element = page.find_element("id", "error")
    WebDriverWait(page, 30).until(lambda _: element.is_displayed())
    return element.text


def test_caption_and_seed_give_the_servers_pictures(page, server: LocalServer, ask) -> None:
    page.find_element("id", "surprise").click()
    fill(page, caption="a red circle", seed=41, count=2)
    figures = paint(page, 2)
    assert [figure.text.split("\n")[0] for figure in figures] == ["Seed 41", "Seed 42"]
    link = figures[1].find_element("css selector", "a[download]")
    assert link.get_attribute("download") == "a-red-circle-42.png"
    body = {
        "signature_name": "generate",
        "instances": [{"caption": "a red circle", "seed": 42}],
    }
    reply = ask(server, "POST", "/v1/models/t2i:predict", body)
    expected = reply.json["predictions"][0]["image_bytes"]["b64"]
    assert link.get_attribute("href") == f"data:image/png;base64,{expected}"
    image = figures[1].find_element("tag name", "img")
    assert image.get_attribute("src").endswith(expected)
    assert base64.b64decode(expected).startswith(b"\x89PNG")
    assert "Painted 2 pictures" in page.find_element("id", "status").text


def test_surprise_draws_a_new_seed_each_time_and_it_can_be_used_again(page) -> None:
    fill(page, caption="猫 <b>&", count=1)
    first = paint(page, 1)[0].text.split("\n")[0]
    page.find_element("id", "caption").send_keys(" x")
    page.find_element("id", "paint").click()
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 30).until(
        lambda driver: len(driver.find_elements("css selector", ".set")) == 2
    )
    captions = [title.text for title in page.find_elements("css selector", "h2")]
    assert captions == ["猫 <b>& x", "猫 <b>&"]
    second = page.find_element("css selector", ".set figure").text.split("\n")[0]
    assert first != second
    page.find_elements("css selector", "figure button")[1].click()
    assert f"Seed {page.find_element('id', 'seed').get_attribute('value')}" == first
    assert not page.find_element("id", "surprise").is_selected()
    assert page.find_element("id", "caption").get_attribute("value") == "猫 <b>&"


def test_enter_in_the_caption_paints(page) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    fill(page, count=1, caption="a dog\n")
    WebDriverWait(page, 30).until(lambda driver: driver.find_elements("css selector", "figure img"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"caption": "  "}, "Please write what should be painted."),
        ({"caption": "x", "count": 17}, "The number of pictures must be between 1 and 16."),
        ({"caption": "x", "count": "1.5"}, "The number of pictures must be between 1 and 16."),
        ({"caption": "x", "seed": -1}, "The seed must be a whole number from 0 on."),
    ],
)
def test_wrong_entries_are_explained(page, values: dict, message: str) -> None:
    if "seed" in values:
        page.find_element("id", "surprise").click()
    fill(page, **values)
    page.find_element("id", "paint").click()
    assert error_of(page) == message
    assert not page.find_elements("css selector", "figure")


def test_failure_of_the_model_is_shown_and_can_be_corrected(page) -> None:
    fill(page, caption="fail", count=1)
    page.find_element("id", "paint").click()
    assert "the caption must not be" in error_of(page)
    assert error_of(page).endswith("(HTTP 400)")
    assert "node" not in error_of(page)
    fill(page, caption="a cat")
    paint(page, 1)
    assert not page.find_element("id", "error").is_displayed()


def test_server_that_is_gone_is_reported(browser, models: pathlib.Path) -> None:
    server = LocalServer(model_base_path=models / "painter")
    browser.get(f"{server.url}/")
    server.stop()
    fill(browser, caption="a cat")
    browser.find_element("id", "paint").click()
    assert error_of(browser) == "The server does not answer. Is it still running?"


def test_phone_width_needs_no_sideways_scrolling(page) -> None:
    page.set_window_size(500, 900)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        fill(page, caption="a " + "very" * 40 + " long word", count=3)
        paint(page, 3)
        width = page.execute_script("return document.documentElement.scrollWidth")
        assert width <= 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.set_window_size(1280, 1000)


def test_server_without_a_painter_says_so(browser, models: pathlib.Path) -> None:
    with LocalServer(model_base_path=models / "shift") as server:
        browser.get(f"{server.url}/")
        assert "No model here paints" in browser.find_element("id", "about").text
        assert not browser.find_element("id", "form").is_displayed()


def test_page_throws_no_error(page, server: LocalServer) -> None:
    page.get_log("browser")  # forget what earlier tests provoked
    page.get(f"{server.url}/")
    fill(page, caption="a cat", count=1)
    paint(page, 1)
    severe = [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
