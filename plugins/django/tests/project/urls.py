"""The ways in which a site takes a file: a form, a form with a validator of its own, a view, and a program."""

from django import forms
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from goodhoster_django.storage import CheckedFileSystemStorage
from goodhoster_django.validators import validate_upload


class FileForm(forms.Form):
    file = forms.FileField()


class ImageForm(forms.Form):
    file = forms.ImageField()


class ValidatedForm(forms.Form):
    file = forms.FileField(validators=[validate_upload])


def _by_form(request: HttpRequest, form_class: type[forms.Form]) -> HttpResponse:
    form = form_class(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse(form.errors.get_json_data(), status=400)
    file = form.cleaned_data["file"]
    return HttpResponse(default_storage.save(file.name, file))


def file_form(request: HttpRequest) -> HttpResponse:
    return _by_form(request, FileForm)


def image_form(request: HttpRequest) -> HttpResponse:
    return _by_form(request, ImageForm)


def own_handlers(request: HttpRequest) -> HttpResponse:
    request.upload_handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    return _by_form(request, ValidatedForm)


def by_view(request: HttpRequest) -> HttpResponse:
    file = request.FILES["file"]
    return HttpResponse(FileSystemStorage().save(file.name, file))


def by_chunks(request: HttpRequest) -> HttpResponse:
    with open(f"{default_storage.location}/by-chunks", "wb") as target:
        target.writelines(request.FILES["file"])
    return HttpResponse("stored")


def by_program(request: HttpRequest) -> HttpResponse:
    return HttpResponse(CheckedFileSystemStorage().save("program.png", ContentFile(request.body)))


def customer_of(request: HttpRequest) -> str:
    return request.headers.get("X-Customer", "")


urlpatterns = [
    path("file-form", file_form),
    path("image-form", image_form),
    path("own-handlers", own_handlers),
    path("view", by_view),
    path("chunks", by_chunks),
    path("program", by_program),
]
